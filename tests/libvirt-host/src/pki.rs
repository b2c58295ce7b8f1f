//! Certificates for a host that listens for TLS: an authority, the host's, a client's that it admits, and as many
//! others as a test wants to see refused.

use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType,
};

use crate::WhyNot;

/// The name of the client that hosts admit.
pub(crate) const CLIENT: &str = "drover";

/// An authority.
pub struct Pki {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

/// What a client shows and checks, in PEM.
#[derive(Clone, Debug)]
pub struct ClientFiles {
    /// The authority that signed the host's certificate.
    pub ca: String,
    /// The client's certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

impl Pki {
    /// A new authority.
    pub fn new() -> Result<Self, WhyNot> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = named("libvirt-host authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key)?.pem();
        Ok(Self {
            certificate,
            issuer: Issuer::new(params, key),
        })
    }

    /// Certificate and key for a client of this name, with this authority to check the host by.
    pub fn client(&self, name: &str) -> Result<ClientFiles, WhyNot> {
        let (certificate, key) = self.signed(name, ExtendedKeyUsagePurpose::ClientAuth)?;
        Ok(ClientFiles {
            ca: self.certificate.clone(),
            certificate,
            key,
        })
    }

    fn signed(&self, name: &str, purpose: ExtendedKeyUsagePurpose) -> Result<(String, String), WhyNot> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = named(name);
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyEncipherment,
        ];
        params.extended_key_usages = vec![purpose];
        params.subject_alt_names = vec![
            SanType::DnsName("localhost".try_into()?),
            SanType::IpAddress([127, 0, 0, 1].into()),
        ];
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok((certificate.pem(), key.serialize_pem()))
    }

    /// Writes what the daemon reads into a directory.
    pub(crate) fn write_server(&self, directory: &Path) -> Result<(), WhyNot> {
        let (certificate, key) = self.signed("localhost", ExtendedKeyUsagePurpose::ServerAuth)?;
        std::fs::create_dir_all(directory)?;
        std::fs::write(directory.join("ca.pem"), &self.certificate)?;
        std::fs::write(directory.join("server.pem"), certificate)?;
        std::fs::write(directory.join("server.key"), key)?;
        Ok(())
    }
}
