//! The wall clock, read in one place. Delays are tokio's business; this is for what is written into answers.

use jiff::Timestamp;

#[allow(
    clippy::disallowed_methods,
    reason = "the simulator stands for a host, which has a clock of its own"
)]
fn clock() -> Timestamp {
    Timestamp::now()
}

/// Seconds since the epoch, as Proxmox writes `starttime`, `ctime` and the like.
pub(crate) fn now() -> i64 {
    clock().as_second()
}

/// Milliseconds since the epoch.
pub(crate) fn now_ms() -> i64 {
    clock().as_millisecond()
}

/// `22:41:07.250`, in UTC.
pub(crate) fn time_of_day(ms: i64) -> String {
    let time = Timestamp::from_millisecond(ms).unwrap_or_default();
    time.strftime("%H:%M:%S.%3f").to_string()
}

/// The value of the HTTP header `Expires`, which Proxmox sets to the current time.
pub(crate) fn http_date() -> String {
    clock().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
