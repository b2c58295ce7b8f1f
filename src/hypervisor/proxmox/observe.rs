//! A window for metrics: what was asked of the host, how it went, how long it took.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// One exchange with the host. A read that was tried again makes one record for each try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRecord {
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub method: &'static str,
    /// The path without the names in it: `/nodes/{node}/qemu/{vmid}/pending`.
    pub operation: Cow<'static, str>,
    /// The status, if an answer came.
    pub status: Option<u16>,
    /// `ok`, or the label of the error (`Error::label`).
    pub outcome: &'static str,
    /// From the first step of the connection to the last byte of the answer.
    pub duration: Duration,
}

/// Is told of each exchange, at once and from the task that made it: it must not block.
pub type Observer = Arc<dyn Fn(&CallRecord) + Send + Sync>;
