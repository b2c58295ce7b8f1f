//! Keys and certificates of a connection. libvirt takes them from files alone, so they are written into a private
//! directory for as long as the connection lives.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::hypervisor::libvirt::uri::{KNOWN_HOSTS, Needs, SSH_KEY};
use crate::model::SecretText;

/// What a connection shows, and by what it knows the host.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Credentials {
    /// Nothing.
    #[default]
    None,
    /// For TLS, in PEM.
    Certificate {
        /// The authority that signed the host's certificate.
        ca: SecretText,
        /// The client's certificate, with what stands between it and the authority.
        certificate: SecretText,
        /// Its key.
        key: SecretText,
    },
    /// For SSH.
    SshKey {
        /// The private key, without a passphrase.
        key: SecretText,
        /// Lines of a `known_hosts` file.
        known_hosts: SecretText,
    },
}

impl Credentials {
    /// Why these are not what a URI needs.
    pub(super) fn unfit(&self, needs: Needs) -> Option<&'static str> {
        match (needs, self) {
            (Needs::Nothing, _)
            | (Needs::Certificate, Self::Certificate { .. })
            | (Needs::SshKey, Self::SshKey { .. }) => None,
            (Needs::Certificate, _) => Some(
                "a connection by TLS needs a client certificate, its key and the authority's certificate",
            ),
            (Needs::SshKey, _) => {
                Some("a connection by SSH needs a private key and the host's key (known_hosts)")
            }
        }
    }

    /// Writes them into a directory of their own, if there are any.
    pub(super) fn write(&self) -> io::Result<Option<Files>> {
        let contents: &[(&str, &SecretText)] = match self {
            Self::None => return Ok(None),
            // The names that libvirt looks for in `pkipath`.
            Self::Certificate { ca, certificate, key } => &[
                ("cacert.pem", ca),
                ("clientcert.pem", certificate),
                ("clientkey.pem", key),
            ],
            Self::SshKey { key, known_hosts } => &[(SSH_KEY, key), (KNOWN_HOSTS, known_hosts)],
        };
        let files = Files::directory()?;
        for (name, text) in contents {
            files.write(name, text)?;
        }
        Ok(Some(files))
    }
}

/// A private directory that goes with this value.
#[derive(Debug)]
pub(super) struct Files(PathBuf);

impl Files {
    fn directory() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("drover-{}", Uuid::new_v4().simple()));
        // Fails if something stands there, also a link.
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    fn write(&self, name: &str, text: &SecretText) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.0.join(name))?;
        file.write_all(text.expose().as_bytes())?;
        // A key whose last line has no end is not read.
        if !text.expose().ends_with('\n') {
            file.write_all(b"\n")?;
        }
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, path = %self.0.display(), "can't remove a connection's keys and certificates");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_key_lies_where_only_its_owner_reads_and_goes_with_the_connection() {
        let credentials = Credentials::SshKey {
            key: SecretText::new("the key"),
            known_hosts: SecretText::new("host key\n"),
        };
        let files = credentials.write().unwrap().unwrap();
        let path = files.path().to_owned();
        assert_eq!(std::fs::read_to_string(path.join("id")).unwrap(), "the key\n");
        assert_eq!(
            std::fs::read_to_string(path.join("known_hosts")).unwrap(),
            "host key\n"
        );
        assert_eq!((mode(&path), mode(&path.join("id"))), (0o700, 0o600));
        drop(files);
        assert!(!path.exists());
    }

    #[test]
    fn keys_are_not_printed() {
        let credentials = Credentials::Certificate {
            ca: SecretText::new("authority"),
            certificate: SecretText::new("certificate"),
            key: SecretText::new("very private"),
        };
        assert!(!format!("{credentials:?}").contains("very private"));
    }

    #[test]
    fn what_does_not_fit_the_uri_is_said() {
        assert!(Credentials::None.unfit(Needs::Nothing).is_none());
        assert!(Credentials::None.unfit(Needs::Certificate).is_some());
        assert!(Credentials::None.unfit(Needs::SshKey).is_some());
    }
}
