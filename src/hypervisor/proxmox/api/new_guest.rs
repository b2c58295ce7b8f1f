//! What may be said of a new guest. Some options make a create overwrite a guest that lives (`force` with an archive),
//! or pass by what protects it: these are no options of a new guest.

use super::parameter::{KnownParameter, Options, Parameter};

/// What a create says in fields of its own, or never: `force` overwrites a guest.
const NEVER: &[&str] = &[
    "archive",
    "digest",
    "force",
    "newid",
    "node",
    "ostemplate",
    "restore",
    "skiplock",
    "vmid",
];

/// Options of a guest that does not exist yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewGuestOptions(Options);

/// An option that no new guest may have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no option of a new guest")]
pub struct NotOfNewGuests(String);

impl TryFrom<Options> for NewGuestOptions {
    type Error = NotOfNewGuests;

    fn try_from(options: Options) -> Result<Self, NotOfNewGuests> {
        match options.0.keys().find(|name| NEVER.contains(&name.as_str())) {
            Some(name) => Err(NotOfNewGuests(name.clone())),
            None => Ok(Self(options)),
        }
    }
}

impl Parameter for NewGuestOptions {
    fn add(&self, name: &str, to: &mut Vec<(String, String)>) {
        self.0.add(name, to);
    }

    fn known(name: &str, to: &mut Vec<KnownParameter>) {
        Options::known(name, to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_guest_has_no_option_that_overwrites_another() {
        for name in NEVER {
            let options = Options::from_iter([(*name, "1")]);
            assert_eq!(
                NewGuestOptions::try_from(options),
                Err(NotOfNewGuests((*name).to_owned()))
            );
        }
        assert!(NewGuestOptions::try_from(Options::from_iter([("cores", "2")])).is_ok());
    }
}
