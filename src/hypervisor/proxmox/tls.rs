//! Which certificates are trusted: the system's roots, a given bundle, one certificate by its fingerprint, or any.
//!
//! Whatever refuses a certificate, the error names the fingerprint that the host showed, so that a person can
//! compare it with the one that Proxmox VE shows (node, Certificates) and pin it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme,
};
use sha2::{Digest, Sha256};

use crate::model::ParseId;

/// What makes a host's certificate acceptable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// It chains up to a root of the system that Drover runs on.
    System,
    /// It chains up to one of these certificates (PEM), and to no other: Proxmox VE's own
    /// `/etc/pve/pve-root-ca.pem`, say.
    Bundle(String),
    /// It is this very one, whatever name and date it bears.
    Fingerprint(Fingerprint),
    /// Anything goes; whoever sits in between reads and changes all.
    Insecure,
}

/// The SHA-256 fingerprint of a certificate, written as Proxmox VE does: `AB:CD:…`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

impl FromStr for Fingerprint {
    type Err = ParseId;

    /// Takes 64 hexadecimal digits, with colons or without, in either case.
    fn from_str(text: &str) -> Result<Self, ParseId> {
        let error = || ParseId {
            text: text.to_owned(),
            wanted: "a SHA-256 fingerprint (64 hexadecimal digits)",
        };
        let digits: Option<Vec<u32>> = text
            .trim()
            .chars()
            .filter(|c| *c != ':')
            .map(|c| c.to_digit(16))
            .collect();
        let digits = digits.filter(|d| d.len() == 64).ok_or_else(error)?;
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = u8::try_from(pair[0] * 16 + pair[1]).map_err(|_| error())?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            let colon = if at == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A certificate that was refused, and why. It travels inside rustls' error.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{reason}")]
pub(super) struct Untrusted {
    pub(super) reason: String,
    pub(super) fingerprint: Fingerprint,
}

/// Builds the client side of TLS. The error is a sentence.
pub(super) fn client_config(trust: &Trust) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let judge = match trust {
        Trust::System => Judge::Chain(chain(system_roots(), &provider)?),
        Trust::Bundle(pem) => Judge::Chain(chain(bundle(pem)?, &provider)?),
        Trust::Fingerprint(expected) => Judge::Pin(*expected),
        Trust::Insecure => Judge::Any,
    };
    let verifier = Verifier {
        judge,
        algorithms: provider.signature_verification_algorithms,
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?;
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    // Some systems carry certificates that can't be parsed; the others are as good as before.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn bundle(pem: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|e| format!("the CA bundle can't be read: {e}"))?;
        roots
            .add(certificate)
            .map_err(|e| format!("the CA bundle can't be read: {e}"))?;
    }
    if roots.is_empty() {
        return Err("the CA bundle holds no certificate".to_owned());
    }
    Ok(roots)
}

fn chain(roots: RootCertStore, provider: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>, String> {
    if roots.is_empty() {
        return Err("the system has no root certificates".to_owned());
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|e| e.to_string())
}

#[derive(Debug)]
enum Judge {
    Chain(Arc<WebPkiServerVerifier>),
    Pin(Fingerprint),
    Any,
}

/// Judges the certificate by the mode of trust. The handshake's signature is checked in every mode: without it
/// a fingerprint would prove nothing, as certificates are public.
#[derive(Debug)]
struct Verifier {
    judge: Judge,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let shown = Fingerprint::of(end_entity);
        let refused = match &self.judge {
            Judge::Any => None,
            Judge::Pin(expected) if *expected == shown => None,
            Judge::Pin(expected) => Some(format!(
                "it was replaced, or another host answers: expected the fingerprint {expected}"
            )),
            Judge::Chain(chain) => chain
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
                .err()
                .map(|error| in_words(&error)),
        };
        match refused {
            None => Ok(ServerCertVerified::assertion()),
            Some(reason) => {
                let untrusted = Untrusted {
                    reason,
                    fingerprint: shown,
                };
                let other = OtherError(Arc::new(untrusted));
                Err(rustls::Error::InvalidCertificate(CertificateError::Other(other)))
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn in_words(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(error) = error else {
        return error.to_string();
    };
    match error {
        CertificateError::UnknownIssuer => "no trusted authority signed it".to_owned(),
        CertificateError::Expired => "it has expired".to_owned(),
        CertificateError::ExpiredContext { time, not_after } => format!(
            "it expired at {}, and this machine's clock says {}",
            moment(*not_after),
            moment(*time)
        ),
        CertificateError::NotValidYet => "it is not valid yet".to_owned(),
        CertificateError::NotValidYetContext { time, not_before } => format!(
            "it is not valid before {}, and this machine's clock says {}",
            moment(*not_before),
            moment(*time)
        ),
        CertificateError::NotValidForName => "it is made out to another name".to_owned(),
        CertificateError::NotValidForNameContext { expected, presented } => {
            let presented = if presented.is_empty() {
                "no name".to_owned()
            } else {
                presented.join(", ")
            };
            format!(
                "it is made out to another name than {}: {presented}",
                expected.to_str()
            )
        }
        other => other.to_string(),
    }
}

/// A moment as people read it.
fn moment(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).ok();
    let moment = seconds.and_then(|s| Timestamp::from_second(s).ok());
    moment.map_or_else(|| "a time out of reach".to_owned(), |m| m.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_in_any_spelling_and_written_in_one() {
        let colons = ["AB"; 32].join(":");
        let plain = "ab".repeat(32);
        assert_eq!(colons.parse::<Fingerprint>().unwrap().to_string(), colons);
        assert_eq!(plain.parse::<Fingerprint>().unwrap().to_string(), colons);
        for text in ["", "abcd", "zz"] {
            assert!(text.parse::<Fingerprint>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_bundle_without_certificates_is_refused() {
        for pem in [
            "",
            "nonsense",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            assert!(client_config(&Trust::Bundle(pem.to_owned())).is_err(), "{pem}");
        }
    }
}
