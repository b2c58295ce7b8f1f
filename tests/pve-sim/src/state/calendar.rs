//! Schedules as Proxmox takes them, a part of systemd's calendar events: `mon..fri 02:00`, `*/15`, `*-*-01 00:30`
//! (proxmox-time, `calendar_event.rs`).

use jiff::ToSpan;
use jiff::civil::Date;

use crate::clock;

/// How many days are looked through for the next time.
const HORIZON: usize = 3660;

const WEEKDAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// A part of a date or time: the least value, the greatest, the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span(u32, u32, u32);

impl Span {
    fn has(self, value: u32) -> bool {
        let Self(first, last, step) = self;
        (first..=last).contains(&value) && (value - first).is_multiple_of(step)
    }
}

/// A schedule. An empty list means any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CalendarEvent {
    /// Monday is 0.
    weekdays: Vec<Span>,
    years: Vec<Span>,
    months: Vec<Span>,
    days: Vec<Span>,
    hours: Vec<Span>,
    minutes: Vec<Span>,
    seconds: Vec<Span>,
}

impl CalendarEvent {
    /// Nothing when it can't be understood.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let spelt = match text.as_str() {
            "minutely" => "*:*",
            "hourly" => "*:00",
            "daily" => "00:00",
            "weekly" => "mon 00:00",
            "monthly" => "*-*-01 00:00",
            "yearly" | "annually" => "*-01-01 00:00",
            "quarterly" => "*-01,04,07,10-01 00:00",
            "semiannually" | "semi-annually" => "*-01,07-01 00:00",
            other => other,
        };
        let mut event = Self::default();
        let mut rest = spelt;
        if rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let end = rest
                .find(|c: char| !c.is_ascii_alphabetic() && c != ',' && c != '.')
                .unwrap_or(rest.len());
            event.weekdays = weekdays(&rest[..end])?;
            rest = rest[end..].trim_start();
        }
        let mut words = rest.split_whitespace();
        let mut word = words.next();
        if let Some(date) = word.filter(|w| w.contains('-')) {
            event.date(date)?;
            word = words.next();
        }
        match word {
            Some(time) => event.time(time)?,
            None if spelt.is_empty() => return None,
            None => event.time("00:00")?,
        }
        words.next().is_none().then_some(event)
    }

    /// `2026-11-22` or `11-22`, with lists, ranges and steps.
    fn date(&mut self, text: &str) -> Option<()> {
        let parts: Vec<&str> = text.split('-').collect();
        let (year, month, day) = match parts.as_slice() {
            [year, month, day] => (*year, *month, *day),
            [month, day] => ("*", *month, *day),
            _ => return None,
        };
        self.years = spans(year, 1970, 2200)?;
        self.months = spans(month, 1, 12)?;
        self.days = spans(day, 1, 31)?;
        Some(())
    }

    /// `hour:minute`, `hour:minute:second` or a minute alone.
    fn time(&mut self, text: &str) -> Option<()> {
        let parts: Vec<&str> = text.split(':').collect();
        let (hour, minute, second) = match parts.as_slice() {
            [minute] => ("*", *minute, "0"),
            [hour, minute] => (*hour, *minute, "0"),
            [hour, minute, second] => (*hour, *minute, *second),
            _ => return None,
        };
        self.hours = spans(hour, 0, 23)?;
        self.minutes = spans(minute, 0, 59)?;
        self.seconds = spans(second, 0, 59)?;
        Some(())
    }

    /// The first time after a moment, both in seconds since the epoch; nothing when there is none in ten years.
    pub(crate) fn next(&self, after: i64) -> Option<i64> {
        let from = clock::wall(after + 1);
        let mut date = from.date();
        let mut least = (number(from.hour()), number(from.minute()), number(from.second()));
        for _ in 0..HORIZON {
            if self.on(date)
                && let Some((hour, minute, second)) = self.first_time(least)
            {
                let at = |value: u32| i8::try_from(value).unwrap_or(0);
                return Some(clock::seconds_of(date.at(at(hour), at(minute), at(second), 0)));
            }
            date = date.checked_add(1.day()).ok()?;
            least = (0, 0, 0);
        }
        None
    }

    fn on(&self, date: Date) -> bool {
        let weekday = number(date.weekday().to_monday_zero_offset());
        let year = u32::try_from(date.year()).unwrap_or(0);
        any(&self.weekdays, weekday)
            && any(&self.years, year)
            && any(&self.months, number(date.month()))
            && any(&self.days, number(date.day()))
    }

    /// The first time of a day that isn't before another.
    fn first_time(&self, least: (u32, u32, u32)) -> Option<(u32, u32, u32)> {
        let hours = (least.0..24).filter(|hour| any(&self.hours, *hour));
        for hour in hours {
            let from = if hour == least.0 { least.1 } else { 0 };
            for minute in (from..60).filter(|minute| any(&self.minutes, *minute)) {
                let from = if (hour, minute) == (least.0, least.1) {
                    least.2
                } else {
                    0
                };
                if let Some(second) = (from..60).find(|second| any(&self.seconds, *second)) {
                    return Some((hour, minute, second));
                }
            }
        }
        None
    }
}

fn number(value: i8) -> u32 {
    u32::try_from(value).unwrap_or(0)
}

fn any(spans: &[Span], value: u32) -> bool {
    spans.is_empty() || spans.iter().any(|span| span.has(value))
}

fn weekday(text: &str) -> Option<u32> {
    let named = |name: &&str| *name == text || (text.len() == 3 && name.starts_with(text));
    let at = WEEKDAYS.iter().position(named)?;
    u32::try_from(at).ok()
}

/// `mon,wed..fri`; a range may go round the end of the week.
fn weekdays(text: &str) -> Option<Vec<Span>> {
    let mut spans = Vec::new();
    for part in text.split(',') {
        match part.split_once("..") {
            None => {
                let day = weekday(part)?;
                spans.push(Span(day, day, 1));
            }
            Some((first, last)) => match (weekday(first)?, weekday(last)?) {
                (first, last) if first <= last => spans.push(Span(first, last, 1)),
                (first, last) => spans.extend([Span(first, 6, 1), Span(0, last, 1)]),
            },
        }
    }
    Some(spans)
}

/// `*`, `*/15`, `1,3`, `8..17`, `5/10`, `8..17/2`.
fn spans(text: &str, lowest: u32, highest: u32) -> Option<Vec<Span>> {
    if text == "*" {
        return Some(Vec::new());
    }
    let value = |text: &str| {
        let digits = !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
        let value = text.parse().ok().filter(|_| digits)?;
        (lowest..=highest).contains(&value).then_some(value)
    };
    let mut spans = Vec::new();
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            None => (part, None),
            Some((range, step)) => (range, Some(step.parse::<u32>().ok().filter(|step| *step > 0)?)),
        };
        let span = match (range, range.split_once("..")) {
            ("*", _) => Span(lowest, highest, step?),
            (_, Some((first, last))) => {
                let (first, last) = (value(first)?, value(last)?);
                if first > last {
                    return None;
                }
                Span(first, last, step.unwrap_or(1))
            }
            (one, None) => {
                let first = value(one)?;
                step.map_or(Span(first, first, 1), |step| Span(first, highest, step))
            }
        };
        spans.push(span);
    }
    Some(spans)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sunday, 2026-11-22 03:19:43.
    const NOW: i64 = 1_795_317_583;

    fn next(text: &str) -> Option<String> {
        let at = CalendarEvent::parse(text)?.next(NOW)?;
        Some(clock::wall(at).strftime("%a %F %T").to_string())
    }

    #[test]
    fn schedules_have_a_next_time() {
        let cases = [
            ("mon..fri 02:00", "Mon 2026-11-23 02:00:00"),
            ("sat 02:30", "Sat 2026-11-28 02:30:00"),
            ("sun 01:30", "Sun 2026-11-29 01:30:00"),
            ("mon,tue 03:00", "Mon 2026-11-23 03:00:00"),
            ("*/15", "Sun 2026-11-22 03:30:00"),
            ("02:00", "Mon 2026-11-23 02:00:00"),
            ("30", "Sun 2026-11-22 03:30:00"),
            ("8..17/3:00", "Sun 2026-11-22 08:00:00"),
            ("sat..mon 00:05", "Mon 2026-11-23 00:05:00"),
            ("*-*-01 04:00", "Tue 2026-12-01 04:00:00"),
            ("2-29 00:00", "Tue 2028-02-29 00:00:00"),
            ("hourly", "Sun 2026-11-22 04:00:00"),
            ("weekly", "Mon 2026-11-23 00:00:00"),
            ("quarterly", "Fri 2027-01-01 00:00:00"),
            ("fri", "Fri 2026-11-27 00:00:00"),
            ("*:*:30", "Sun 2026-11-22 03:20:30"),
        ];
        for (text, expected) in cases {
            assert_eq!(next(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_time_is_after_the_last_one() {
        let event = CalendarEvent::parse("mon 02:00").unwrap();
        let first = event.next(NOW).unwrap();
        assert_eq!(event.next(first), Some(first + 7 * 86_400));
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for text in [
            "garbage",
            "",
            "25:00",
            "mon..",
            "02:00:00:00",
            "mon 02:00 x",
            "5..2",
            "*/0",
            "*",
        ] {
            let parsed = CalendarEvent::parse(text);
            assert!(parsed.is_none() || text == "*", "{text}: {parsed:?}");
        }
    }
}
