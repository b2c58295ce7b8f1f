//! The certificates of the cluster: a CA of its own, and one certificate a node signed by it.

use std::net::Ipv4Addr;
use std::sync::Arc;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::simulator::StartError;

/// A row of `GET /nodes/{node}/certificates/info`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct CertificateInfo {
    pub(crate) filename: String,
    pub(crate) fingerprint: String,
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) notbefore: i64,
    pub(crate) notafter: i64,
    pub(crate) pem: String,
    pub(crate) public_key_bits: u32,
    pub(crate) public_key_type: String,
    pub(crate) san: Vec<String>,
}

/// What the simulator presents, and what it tells about it.
#[derive(Debug)]
pub(crate) struct Certificates {
    pub(crate) ca_pem: String,
    /// For each node its rows, the CA's first.
    pub(crate) of_nodes: Vec<Vec<CertificateInfo>>,
    pub(crate) server: Arc<ServerConfig>,
    /// The key of the certificate that is presented.
    pub(crate) key_pem: String,
}

/// `::1` as OpenSSL spells it.
const LOOPBACK: &str = "0000:0000:0000:0000:0000:0000:0000:0001";

impl Certificates {
    /// New ones for the nodes; the first one's is presented, whichever node a call is about.
    pub(crate) fn make(nodes: &[(String, Ipv4Addr)]) -> Result<Self, StartError> {
        let unit = Uuid::new_v4().to_string();
        let ca_subject = [
            (DnType::CommonName, "CN", "Proxmox Virtual Environment"),
            (DnType::OrganizationalUnitName, "OU", unit.as_str()),
            (DnType::OrganizationName, "O", "PVE Cluster Manager CA"),
        ];
        let ca_key = KeyPair::generate()?;
        let mut ca = CertificateParams::new(Vec::new())?;
        ca.distinguished_name = distinguished(&ca_subject);
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        let ca_certificate = ca.self_signed(&ca_key)?;
        let ca_row = row(
            "pve-root-ca.pem",
            &ca_certificate,
            &ca,
            [&ca_subject, &ca_subject],
            &[],
        );
        let issuer = Issuer::new(ca, ca_key);

        let mut of_nodes = Vec::new();
        let mut server = None;
        for (node, address) in nodes {
            let address = address.to_string();
            let subject = [
                (DnType::OrganizationalUnitName, "OU", "PVE Cluster Node"),
                (DnType::OrganizationName, "O", "Proxmox Virtual Environment"),
                (DnType::CommonName, "CN", node.as_str()),
            ];
            let names = ["127.0.0.1", "::1", "localhost", &address, node].map(str::to_owned);
            let key = KeyPair::generate()?;
            let mut params = CertificateParams::new(names.to_vec())?;
            params.distinguished_name = distinguished(&subject);
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            params.use_authority_key_identifier_extension = true;
            let certificate = params.signed_by(&key, &issuer)?;
            let own = row(
                "pve-ssl.pem",
                &certificate,
                &params,
                [&ca_subject, &subject],
                &names.map(|name| name.replace("::1", LOOPBACK)),
            );
            of_nodes.push(vec![ca_row.clone(), own]);
            if server.is_none() {
                let chain = vec![certificate.der().clone(), ca_certificate.der().clone()];
                let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
                server = Some((server_config(chain, der)?, key.serialize_pem()));
            }
        }
        let (server, key_pem) = server.ok_or_else(|| StartError::Seed("no nodes".to_owned()))?;
        Ok(Self {
            ca_pem: ca_certificate.pem(),
            of_nodes,
            server,
            key_pem,
        })
    }

    /// Those of a saved state.
    pub(crate) fn restore(
        ca_pem: String,
        key_pem: String,
        of_nodes: Vec<Vec<CertificateInfo>>,
    ) -> Result<Self, StartError> {
        let wrong = |error: pem::Error| StartError::Seed(format!("saved certificate: {error}"));
        let presented = of_nodes.first().into_iter().flatten().rev();
        let chain: Result<Vec<CertificateDer<'static>>, _> = presented
            .map(|row| CertificateDer::from_pem_slice(row.pem.as_bytes()))
            .collect();
        let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).map_err(wrong)?;
        let server = server_config(chain.map_err(wrong)?, key)?;
        Ok(Self {
            ca_pem,
            of_nodes,
            server,
            key_pem,
        })
    }
}

type NamePart<'a> = (DnType, &'a str, &'a str);

fn distinguished(parts: &[NamePart<'_>]) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    for (kind, _, value) in parts {
        name.push(kind.clone(), *value);
    }
    name
}

fn row(
    filename: &str,
    certificate: &rcgen::Certificate,
    params: &CertificateParams,
    [issuer, subject]: [&[NamePart<'_>]; 2],
    names: &[String],
) -> CertificateInfo {
    let slashes = |parts: &[NamePart<'_>]| {
        let parts: Vec<String> = parts.iter().map(|(_, k, v)| format!("/{k}={v}")).collect();
        parts.concat()
    };
    let seconds = |time: i64| Timestamp::from_second(time).map_or(0, Timestamp::as_second);
    CertificateInfo {
        filename: filename.to_owned(),
        fingerprint: fingerprint(certificate.der()),
        issuer: slashes(issuer),
        subject: slashes(subject),
        notbefore: seconds(params.not_before.unix_timestamp()),
        notafter: seconds(params.not_after.unix_timestamp()),
        pem: certificate.pem(),
        public_key_bits: 256,
        public_key_type: "id-ecPublicKey".to_owned(),
        san: names.to_vec(),
    }
}

/// SHA-256 of a certificate, as `AB:CD:…`.
fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let bytes = Sha256::digest(certificate);
    let parts: Vec<String> = bytes.iter().map(|b| format!("{b:02X}")).collect();
    parts.join(":")
}

fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, StartError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
