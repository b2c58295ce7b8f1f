//! The control plane's own certification authority, serving certificate, service-account key and tokens:
//! made once, kept in the data directory.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use uuid::Uuid;

use super::{Error, data_dir::write_private};

/// Who may call the API server. All three may do everything in it; they are told apart in its log.
const USERS: [&str; 3] = [ADMIN, DROVER, CONTROLLER_MANAGER];
pub(super) const ADMIN: &str = "admin";
pub(super) const DROVER: &str = "drover";
pub(super) const CONTROLLER_MANAGER: &str = "kube-controller-manager";

/// The files, and what must be known of them.
#[derive(Debug)]
pub(super) struct Credentials {
    directory: PathBuf,
    /// The authority's certificate, PEM.
    pub(super) ca: String,
    tokens: Vec<(String, String)>,
}

impl Credentials {
    /// Reads what is in the directory, or makes it. The last file written is `tokens.csv`: a directory
    /// without it was left half-made, and is made anew.
    pub(super) fn load_or_create(directory: &Path) -> Result<Self, Error> {
        let credentials = Self {
            directory: directory.to_owned(),
            ca: String::new(),
            tokens: Vec::new(),
        };
        if !credentials.token_file().exists() {
            credentials.create()?;
        }
        let read = |path: PathBuf| fs::read_to_string(&path).map_err(|source| Error::file(&path, source));
        let tokens = read(credentials.token_file())?;
        Ok(Self {
            ca: read(credentials.ca_file())?,
            tokens: parse_tokens(&tokens),
            ..credentials
        })
    }

    pub(super) fn ca_file(&self) -> PathBuf {
        self.directory.join("ca.crt")
    }

    pub(super) fn serving_certificate(&self) -> PathBuf {
        self.directory.join("apiserver.crt")
    }

    pub(super) fn serving_key(&self) -> PathBuf {
        self.directory.join("apiserver.key")
    }

    /// Signs the tokens of service accounts.
    pub(super) fn account_key(&self) -> PathBuf {
        self.directory.join("service-accounts.key")
    }

    pub(super) fn account_public_key(&self) -> PathBuf {
        self.directory.join("service-accounts.pub")
    }

    pub(super) fn token_file(&self) -> PathBuf {
        self.directory.join("tokens.csv")
    }

    pub(super) fn token(&self, user: &str) -> Result<&str, Error> {
        let found = self.tokens.iter().find(|(name, _)| name == user);
        found
            .map(|(_, token)| token.as_str())
            .ok_or_else(|| Error::Tokens(self.token_file()))
    }

    fn create(&self) -> Result<(), Error> {
        let authority = authority()?;
        let (certificate, key) = serving(&authority)?;
        let accounts = KeyPair::generate()?;
        write_private(&self.ca_file(), &authority.pem())?;
        write_private(&self.serving_certificate(), &certificate)?;
        write_private(&self.serving_key(), &key)?;
        write_private(&self.account_key(), &accounts.serialize_pem())?;
        write_private(&self.account_public_key(), &accounts.public_key_pem())?;
        let tokens: Vec<_> = USERS
            .iter()
            .map(|user| (*user, Uuid::new_v4().simple().to_string()))
            .collect();
        write_private(&self.token_file(), &render_tokens(&tokens))
    }
}

/// The authority's key is not kept: nothing is ever signed with it again. Certificates do not expire
/// (rcgen's default, the year 4096): they are trusted by this directory's kubeconfig alone.
fn authority() -> Result<CertifiedIssuer<'static, KeyPair>, Error> {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "drover standalone");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}

fn serving(authority: &CertifiedIssuer<'_, KeyPair>) -> Result<(String, String), Error> {
    let mut params = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()])?;
    params
        .distinguished_name
        .push(DnType::CommonName, "kube-apiserver");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, authority)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

/// The form of `--token-auth-file`: token, user name, user id, groups.
fn render_tokens(tokens: &[(&str, String)]) -> String {
    let row = |(user, token): &(&str, String)| format!("{token},{user},{user},\"system:masters\"\n");
    tokens.iter().map(row).collect::<Vec<_>>().concat()
}

fn parse_tokens(text: &str) -> Vec<(String, String)> {
    text.lines()
        .filter_map(|line| {
            let (token, rest) = line.split_once(',')?;
            let (user, _) = rest.split_once(',')?;
            Some((user.to_owned(), token.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_have_the_form_that_the_api_server_reads() {
        let text = render_tokens(&[("admin", "abc".to_owned()), ("drover", "def".to_owned())]);
        assert_eq!(
            text,
            "abc,admin,admin,\"system:masters\"\ndef,drover,drover,\"system:masters\"\n"
        );
        assert_eq!(
            parse_tokens(&text),
            [
                ("admin".to_owned(), "abc".to_owned()),
                ("drover".to_owned(), "def".to_owned())
            ]
        );
    }

    #[test]
    fn credentials_last_and_no_two_users_share_a_token() {
        let directory = tempfile::tempdir().unwrap();
        let first = Credentials::load_or_create(directory.path()).unwrap();
        let again = Credentials::load_or_create(directory.path()).unwrap();
        assert_eq!(first.ca, again.ca);
        assert_eq!(first.token(ADMIN).unwrap(), again.token(ADMIN).unwrap());
        assert_ne!(first.token(ADMIN).unwrap(), first.token(DROVER).unwrap());
    }

    #[test]
    fn half_made_credentials_are_made_anew() {
        let directory = tempfile::tempdir().unwrap();
        let first = Credentials::load_or_create(directory.path()).unwrap();
        fs::remove_file(first.token_file()).unwrap();
        let again = Credentials::load_or_create(directory.path()).unwrap();
        assert_ne!(first.ca, again.ca);
        assert_eq!(again.ca, fs::read_to_string(again.ca_file()).unwrap());
    }
}
