//! libvirt's complaints in Drover's words: what was refused, and whether a call may have taken place.
//!
//! libvirt has no status of HTTP. The one that a refusal carries is the nearest: 501 for what the host can't do, which does
//! not change; 500 for what may succeed another time; 4xx for what is wrong in the request.

use std::collections::BTreeMap;

use virt::error::{Error as Complaint, ErrorDomain, ErrorNumber};

use crate::hypervisor::{Error, Refusal};

/// What a call on a connection may end with: libvirt's complaint, or an error of the driver.
#[derive(Debug)]
pub enum Trouble {
    /// libvirt's.
    Libvirt(Complaint),
    /// The driver's.
    Driver(Error),
}

impl From<Complaint> for Trouble {
    fn from(complaint: Complaint) -> Self {
        Self::Libvirt(complaint)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Driver(error)
    }
}

fn code(complaint: &Complaint) -> Option<ErrorNumber> {
    match complaint.code() {
        virt::enumutil::Enum::Known(code) => Some(code),
        virt::enumutil::Enum::Unknown(_) => None,
    }
}

fn is_from(complaint: &Complaint, domain: ErrorDomain) -> bool {
    complaint.domain().is_known_and(|from| from == domain)
}

/// Why a call failed that had been begun.
pub(super) fn of_call(operation: &str, trouble: Trouble) -> Error {
    match trouble {
        Trouble::Driver(error) => error,
        Trouble::Libvirt(complaint) => complained(operation, code(&complaint), &complaint),
    }
}

fn complained(operation: &str, code: Option<ErrorNumber>, complaint: &Complaint) -> Error {
    use ErrorNumber as N;

    let message = complaint.message().to_owned();
    let operation = operation.to_owned();
    match code {
        Some(N::AuthFailed | N::AuthCancelled | N::AuthUnavailable) => Error::Unauthorized { message },
        Some(N::AccessDenied | N::OperationDenied) => Error::Forbidden { operation, message },
        // The connection itself: the request may have gone out before.
        Some(N::InternalError | N::SystemError | N::Rpc | N::GnutlsError | N::InvalidConn)
            if is_from(complaint, ErrorDomain::Rpc) =>
        {
            Error::AnswerLost {
                operation,
                reason: message,
            }
        }
        _ => {
            let (status, refusal) = meaning(code, &message);
            Error::Refused {
                operation,
                status,
                message,
                parameters: BTreeMap::new(),
                refusal,
            }
        }
    }
}

/// What libvirt 9 says with a number that stands for much (`src/conf/virdomainobjlist.c`, `src/conf/domain_conf.c`,
/// `src/qemu/qemu_domain.c`, `src/util/virerror.c`).
const SENTENCES: [(&str, u16, Refusal); 8] = [
    ("already exists with uuid", 409, Refusal::GuestExists),
    ("is already defined with uuid", 409, Refusal::GuestExists),
    ("domain is not running", 500, Refusal::GuestNotRunning),
    ("is already running", 500, Refusal::GuestRunning),
    ("domain is already active as", 500, Refusal::GuestRunning),
    ("cannot acquire state change lock", 500, Refusal::LockTimeout),
    ("guest agent is not", 500, Refusal::AgentNotRunning),
    ("storage pool is not active", 404, Refusal::StorageMissing),
];

fn meaning(code: Option<ErrorNumber>, message: &str) -> (u16, Refusal) {
    use ErrorNumber as N;

    for (sentence, status, refusal) in SENTENCES {
        if message.contains(sentence) {
            return (status, refusal);
        }
    }
    match code {
        Some(N::NoDomain) => (404, Refusal::GuestMissing),
        Some(N::DomExist) => (409, Refusal::GuestExists),
        Some(N::NoStoragePool) => (404, Refusal::StorageMissing),
        Some(N::NoStorageVolume) => (404, Refusal::VolumeMissing),
        Some(N::StorageVolExist) => (409, Refusal::Other),
        Some(N::ResourceBusy) => (500, Refusal::LockTimeout),
        Some(N::AgentUnresponsive | N::AgentUnsynced | N::AgentCommandTimeout) => {
            (500, Refusal::AgentNotRunning)
        }
        Some(
            N::XmlError
            | N::XmlDetail
            | N::XmlInvalidSchema
            | N::ParseFailed
            | N::InvalidArg
            | N::InvalidMac
            | N::OsType
            | N::NoSource
            | N::NoTarget
            | N::NoName
            | N::NoOs
            | N::NoDevice
            | N::DeviceMissing
            | N::NoNetwork
            | N::ConfigUnsupported
            | N::CpuIncompatible,
        ) => (400, Refusal::Parameters),
        Some(N::NoSupport | N::OperationUnsupported | N::ArgumentUnsupported) => (501, Refusal::Other),
        _ => (500, Refusal::Other),
    }
}

/// Why no connection came about: nothing was sent.
pub(super) fn of_open(address: &str, complaint: &Complaint) -> Error {
    let message = complaint.message();
    let lower = message.to_lowercase();
    let address = address.to_owned();
    // The host admits its clients after it has seen their certificates, and closes the connection of others.
    if lower.contains("tls confirmation") {
        return Error::Unauthorized {
            message: format!(
                "the host does not admit the client's certificate, and its log says why ({message})"
            ),
        };
    }
    if lower.contains("certificate") || lower.contains("host key") {
        return Error::Certificate {
            address,
            reason: message.to_owned(),
            fingerprint: None,
        };
    }
    let refused = matches!(
        code(complaint),
        Some(ErrorNumber::AuthFailed | ErrorNumber::AuthCancelled | ErrorNumber::AuthUnavailable)
    );
    if refused || lower.contains("authentication failed") || lower.contains("access denied") {
        return Error::Unauthorized {
            message: message.to_owned(),
        };
    }
    Error::Connect {
        address,
        reason: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_of_libvirt_are_known_by_their_words_where_the_number_says_little() {
        for (code, message, refusal) in [
            (
                ErrorNumber::OperationFailed,
                "operation failed: domain 'web-1' already exists with uuid 5f0a4d57-0000-4000-8000-000000000001",
                Refusal::GuestExists,
            ),
            (
                ErrorNumber::OperationFailed,
                "operation failed: domain 'web-1' is already defined with uuid 5f0a4d57-0000-4000-8000-000000000001",
                Refusal::GuestExists,
            ),
            (
                ErrorNumber::OperationInvalid,
                "Requested operation is not valid: domain is not running",
                Refusal::GuestNotRunning,
            ),
            (
                ErrorNumber::OperationInvalid,
                "Requested operation is not valid: domain is already running",
                Refusal::GuestRunning,
            ),
            (
                ErrorNumber::OperationTimeout,
                "Timed out during operation: cannot acquire state change lock (held by monitor=remoteDispatchDomainCreate)",
                Refusal::LockTimeout,
            ),
            (
                ErrorNumber::ArgumentUnsupported,
                "argument unsupported: QEMU guest agent is not configured",
                Refusal::AgentNotRunning,
            ),
            (
                ErrorNumber::OperationInvalid,
                "Requested operation is not valid: storage pool is not active",
                Refusal::StorageMissing,
            ),
        ] {
            assert_eq!(meaning(Some(code), message).1, refusal, "{message}");
        }
    }

    #[test]
    fn what_a_host_can_not_do_is_told_from_what_may_succeed_another_time() {
        assert_eq!(meaning(Some(ErrorNumber::OperationUnsupported), "").0, 501);
        assert_eq!(meaning(Some(ErrorNumber::InternalError), "").0, 500);
        assert_eq!(meaning(None, "").0, 500);
    }
}
