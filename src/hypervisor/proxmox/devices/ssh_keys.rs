//! The keys that cloud-init lets in: `sshkeys` (qemu-server, `QemuServer/Cloudinit.pm`). No property string: the
//! lines stand percent-encoded in the option, so that a form encodes them twice. Blanks must be `%20`: Proxmox
//! VE decodes with Perl's `uri_unescape`, to which `+` is a plus.

use std::fmt;
use std::str::FromStr;

use crate::hypervisor::proxmox::encode::{percent, unpercent};
use crate::hypervisor::proxmox::property::Reason;

/// Lines of an `authorized_keys` file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SshKeys {
    lines: String,
}

impl SshKeys {
    /// Takes lines as they stand in a file.
    #[must_use]
    pub fn of_lines(lines: &str) -> Self {
        Self {
            lines: lines.to_owned(),
        }
    }

    /// The lines, decoded.
    #[must_use]
    pub fn lines(&self) -> &str {
        &self.lines
    }

    /// The keys, without blank lines and comments.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.lines
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
    }
}

/// Reads the option's value.
impl FromStr for SshKeys {
    type Err = Reason;

    fn from_str(text: &str) -> Result<Self, Reason> {
        // The characters that pve-common's `verify_urlencoded` (`JSONSchema.pm`) lets pass.
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-%_.!~*'()".contains(c);
        let lines = text.chars().all(allowed).then(|| unpercent(text)).flatten();
        lines
            .map(|lines| Self { lines })
            .ok_or_else(|| Reason::not(text, "a percent-encoded text"))
    }
}

/// Spells the option's value.
impl fmt::Display for SshKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&percent(&self.lines))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lines_are_read_as_they_were_spelt(lines in any::<String>()) {
            let keys = SshKeys::of_lines(&lines);
            prop_assert_eq!(keys.to_string().parse(), Ok(keys));
        }
    }

    #[test]
    fn blanks_are_percent_20_and_a_plus_is_a_plus() {
        let keys = SshKeys::of_lines("ssh-ed25519 AA+B a@b\n");
        assert_eq!(keys.to_string(), "ssh-ed25519%20AA%2BB%20a%40b%0A");
        assert_eq!("a%2Bb%20c".parse::<SshKeys>().unwrap().lines(), "a+b c");
        assert!("a+b".parse::<SshKeys>().is_err());
        assert!("a b".parse::<SshKeys>().is_err());
    }

    #[test]
    fn comments_are_no_keys() {
        let keys = SshKeys::of_lines("# mine\n\nssh-rsa A\n  ssh-rsa B  \n");
        assert_eq!(keys.keys().collect::<Vec<_>>(), ["ssh-rsa A", "ssh-rsa B"]);
    }
}
