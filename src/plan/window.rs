//! A maintenance window: whether it is open, and when it opens next.

use std::time::Duration;

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::api::{MaintenanceWindow, RebootPolicy};

/// A window that can't be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("spec.maintenanceWindow.{field}: {problem}")]
pub struct BadWindow {
    field: &'static str,
    problem: String,
}

/// A time that comes again every week or day.
#[derive(Clone, Debug)]
pub struct Window {
    days: Vec<Weekday>,
    time: Time,
    lasts: SignedDuration,
    zone: TimeZone,
}

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

impl Window {
    /// Reads a window.
    ///
    /// # Errors
    ///
    /// The field that can't be understood.
    pub fn read(spec: &MaintenanceWindow) -> Result<Self, BadWindow> {
        let bad = |field, problem: String| BadWindow { field, problem };
        let of_schedule = || {
            let problem = format!(
                "'{}' is no days of the week with a time, like 'sat 02:00' or 'mon..fri 22:30'",
                spec.schedule
            );
            bad("schedule", problem)
        };
        let (days, time) = spec.schedule.rsplit_once(' ').unwrap_or(("", &spec.schedule));
        let (hour, minute) = time.split_once(':').ok_or_else(of_schedule)?;
        let number = |text: &str| text.parse().map_err(|_| of_schedule());
        let time = Time::new(number(hour)?, number(minute)?, 0, 0).map_err(|_| of_schedule())?;
        let days = if days.is_empty() {
            DAYS.iter().map(|(_, day)| *day).collect()
        } else {
            days_of(days).ok_or_else(of_schedule)?
        };
        let lasts = spec
            .duration
            .duration()
            .map_err(|e| bad("duration", e.to_string()))?;
        let lasts = SignedDuration::try_from(lasts).map_err(|e| bad("duration", e.to_string()))?;
        let zone = match &spec.time_zone {
            None => TimeZone::UTC,
            Some(name) => TimeZone::get(name).map_err(|_| {
                let problem =
                    format!("this machine knows no time zone '{name}' (is the package tzdata there?)");
                bad("timeZone", problem)
            })?,
        };
        Ok(Self {
            days,
            time,
            lasts,
            zone,
        })
    }

    /// Whether it is open, and else when it opens next, where that can be told.
    #[must_use]
    pub fn opens(&self, now: Timestamp) -> Opening {
        let here = now.to_zoned(self.zone.clone());
        // One that opened up to a week ago may still be open; the next one comes within eight days.
        let starts = (-8..=8_i64).filter_map(|days| {
            let date = here.date().checked_add(days.days()).ok()?;
            if !self.days.contains(&date.weekday()) {
                return None;
            }
            let start = date.to_datetime(self.time).to_zoned(self.zone.clone()).ok()?;
            Some(start.timestamp())
        });
        let mut next = None;
        for start in starts {
            let ends = start.checked_add(self.lasts).unwrap_or(start);
            if start <= now && now < ends {
                return Opening::Open;
            }
            if start > now {
                next = next.or(Some(start));
            }
        }
        next.map_or(Opening::Never, Opening::At)
    }
}

/// When a window opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// It is open.
    Open,
    /// Then.
    At(Timestamp),
    /// It can't be told.
    Never,
}

impl Opening {
    /// How long that is away.
    #[must_use]
    pub fn wait(self, now: Timestamp) -> Option<Duration> {
        match self {
            Self::Open => Some(Duration::ZERO),
            Self::At(start) => Duration::try_from(start.duration_since(now)).ok(),
            Self::Never => None,
        }
    }
}

/// When a machine may be rebooted for what waits for that; `window`: that of its host.
///
/// # Errors
///
/// The window can't be understood.
pub fn reboots(
    policy: RebootPolicy,
    window: Option<&MaintenanceWindow>,
    now: Timestamp,
) -> Result<Opening, BadWindow> {
    match (policy, window) {
        (RebootPolicy::Never, _) | (RebootPolicy::InWindow, None) => Ok(Opening::Never),
        (RebootPolicy::WhenRequired, _) => Ok(Opening::Open),
        (RebootPolicy::InWindow, Some(spec)) => Ok(Window::read(spec)?.opens(now)),
    }
}

/// `mon..fri`, `sat,sun`.
fn days_of(text: &str) -> Option<Vec<Weekday>> {
    let index = |name: &str| DAYS.iter().position(|(known, _)| *known == name);
    let mut days = Vec::new();
    for part in text.split(',') {
        let (from, to) = part.split_once("..").unwrap_or((part, part));
        let (from, to) = (index(from)?, index(to)?);
        // As in a calendar: `fri..mon` goes over the end of the week.
        let count = (to + DAYS.len() - from) % DAYS.len();
        days.extend(
            DAYS.iter()
                .cycle()
                .skip(from)
                .take(count + 1)
                .map(|(_, day)| *day),
        );
    }
    Some(days)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Span;

    fn window(schedule: &str, duration: &str) -> Window {
        Window::read(&MaintenanceWindow {
            schedule: schedule.to_owned(),
            duration: Span(duration.to_owned()),
            time_zone: None,
        })
        .unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn window_is_open_from_its_start_until_its_end() {
        let weekly = window("sat 02:00", "2h");
        // 2026-11-28 is a Saturday.
        let cases = [
            ("2026-11-28T01:59:59Z", Opening::At(at("2026-11-28T02:00:00Z"))),
            ("2026-11-28T02:00:00Z", Opening::Open),
            ("2026-11-28T03:59:59Z", Opening::Open),
            ("2026-11-28T04:00:00Z", Opening::At(at("2026-12-05T02:00:00Z"))),
        ];
        for (now, opening) in cases {
            assert_eq!(weekly.opens(at(now)), opening, "{now}");
        }
    }

    #[test]
    fn window_reaches_over_midnight_and_over_days() {
        let nights = window("mon..fri,sun 22:30", "4h");
        assert_eq!(nights.opens(at("2026-11-28T01:00:00Z")), Opening::Open);
        assert_eq!(
            nights.opens(at("2026-11-28T03:00:00Z")),
            Opening::At(at("2026-11-29T22:30:00Z"))
        );
        let week = window("sun 00:00", "168h");
        assert_eq!(week.opens(at("2026-11-27T12:00:00Z")), Opening::Open);
        let daily = window("4:00", "1m");
        assert_eq!(
            daily.opens(at("2026-11-27T12:00:00Z")),
            Opening::At(at("2026-11-28T04:00:00Z"))
        );
        assert_eq!(window("fri..mon 0:00", "1m").days.len(), 4);
    }

    #[test]
    fn what_is_no_window_is_told() {
        let bad = |schedule: &str, zone: Option<&str>| {
            Window::read(&MaintenanceWindow {
                schedule: schedule.to_owned(),
                duration: Span("1h".to_owned()),
                time_zone: zone.map(str::to_owned),
            })
            .unwrap_err()
            .to_string()
        };
        assert!(bad("someday 02:00", None).contains("spec.maintenanceWindow.schedule: 'someday 02:00'"));
        assert!(bad("sat 25:00", None).contains("schedule"));
        assert!(bad("sat 02:00", Some("Mars/Base")).contains("Mars/Base"));
    }
}
