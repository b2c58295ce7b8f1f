//! The wall clock, read in one place. Delays are tokio's business; this is for what is written into answers.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

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

/// A moment as the clock on a wall shows it in UTC, which is where the simulated nodes are unless told otherwise.
pub(crate) fn wall(seconds: i64) -> DateTime {
    let at = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    Zoned::new(at, TimeZone::UTC).datetime()
}

/// The moment at which the clock on a wall shows this in UTC.
pub(crate) fn seconds_of(wall: DateTime) -> i64 {
    wall.to_zoned(TimeZone::UTC)
        .map_or(0, |zoned| zoned.timestamp().as_second())
}

/// Seconds by which a zone's clocks are ahead of UTC.
pub(crate) fn offset(zone: &str, seconds: i64) -> i64 {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let at = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    i64::from(zone.to_offset(at).seconds())
}

/// Whether there is such a zone.
pub(crate) fn is_zone(zone: &str) -> bool {
    zone == "UTC" || TimeZone::get(zone).is_ok()
}

/// As syslog writes a moment: `Nov 22 03:19:43`.
pub(crate) fn log_time(seconds: i64) -> String {
    wall(seconds).strftime("%b %d %H:%M:%S").to_string()
}

/// A day, perhaps with a time: `2026-11-22 03:19`.
pub(crate) fn parse_day_time(text: &str) -> Option<i64> {
    let at = match text.split_once(' ') {
        None => text
            .parse::<Date>()
            .ok()?
            .to_datetime(jiff::civil::Time::midnight()),
        Some((day, time)) => format!("{day}T{time}").parse().ok()?,
    };
    Some(seconds_of(at))
}

/// `2026-11-22 03:19:27`, in the node's time.
pub(crate) fn date_time(seconds: i64) -> String {
    wall(seconds).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// `2026_11_22-03_19_27`, in the node's time, as the names of backups have it.
pub(crate) fn file_time(seconds: i64) -> String {
    wall(seconds).strftime("%Y_%m_%d-%H_%M_%S").to_string()
}
