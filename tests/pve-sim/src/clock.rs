//! The wall clock, read in one place. Delays are tokio's business; this is for what is written into answers.

use jiff::Timestamp;

/// Seconds since the epoch, as Proxmox writes `starttime`, `ctime` and the like.
pub(crate) fn now() -> i64 {
    Timestamp::now().as_second()
}

/// Milliseconds since the epoch.
pub(crate) fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// The value of the HTTP header `Expires`, which Proxmox sets to the current time.
pub(crate) fn http_date() -> String {
    Timestamp::now()
        .strftime("%a, %d %b %Y %H:%M:%S GMT")
        .to_string()
}
