//! Which backups are kept (`PVE::Storage::prune_mark_backup_group`).

use std::collections::{BTreeMap, BTreeSet};

use crate::clock;

/// `keep-last=3,keep-daily=7`, read.
#[derive(Clone, Debug, Default)]
pub(in crate::api) struct Retention {
    all: bool,
    counts: BTreeMap<&'static str, u32>,
}

const PERIODS: &[&str] = &["last", "hourly", "daily", "weekly", "monthly", "yearly"];

impl Retention {
    /// Whatever can't be read says nothing.
    pub(in crate::api) fn parse(text: &str) -> Self {
        let mut retention = Self::default();
        for (key, value) in text.split(',').filter_map(|part| part.split_once('=')) {
            let period = key.trim().strip_prefix("keep-").unwrap_or("");
            retention.all |= period == "all" && value == "1";
            let period = PERIODS.iter().find(|known| **known == period);
            if let (Some(period), Ok(count)) = (period, value.parse::<u32>()) {
                retention.counts.insert(period, count);
            }
        }
        retention
    }

    /// Whether nothing is ever removed.
    pub(in crate::api) fn keeps_all(&self) -> bool {
        self.all || self.counts.values().all(|count| *count == 0)
    }

    /// Of the times of one guest's backups, those that are kept.
    pub(in crate::api) fn kept(&self, times: &[i64]) -> BTreeSet<i64> {
        if self.keeps_all() {
            return times.iter().copied().collect();
        }
        let mut newest: Vec<i64> = times.to_vec();
        newest.sort_unstable_by_key(|time| std::cmp::Reverse(*time));
        let mut marks: BTreeMap<i64, bool> = BTreeMap::new();
        for period in PERIODS {
            let count = self.counts.get(period).copied().unwrap_or(0);
            mark(&mut marks, &newest, period, count as usize);
        }
        let kept = marks.into_iter().filter(|(_, keep)| *keep);
        kept.map(|(time, _)| time).collect()
    }
}

/// Keeps the newest backup of each of so many periods that have none kept yet.
fn mark(marks: &mut BTreeMap<i64, bool>, newest: &[i64], period: &str, count: usize) {
    if count == 0 {
        return;
    }
    let kept = newest.iter().filter(|time| marks.get(*time) == Some(&true));
    let already: BTreeSet<String> = kept.map(|time| name(period, *time)).collect();
    let mut new: BTreeSet<String> = BTreeSet::new();
    for time in newest {
        let name = name(period, *time);
        if marks.contains_key(time) || already.contains(&name) {
            continue;
        }
        if new.contains(&name) {
            marks.insert(*time, false);
        } else if new.len() >= count {
            break;
        } else {
            new.insert(name);
            marks.insert(*time, true);
        }
    }
}

/// The period that a time lies in.
fn name(period: &str, time: i64) -> String {
    let at = clock::wall(time);
    match period {
        "hourly" => at.strftime("%H/%d/%m/%Y").to_string(),
        "daily" => at.strftime("%d/%m/%Y").to_string(),
        "weekly" => at.strftime("%V/%G").to_string(),
        "monthly" => at.strftime("%m/%Y").to_string(),
        "yearly" => at.strftime("%Y").to_string(),
        // Each by itself.
        _ => time.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3600;
    const DAY: i64 = 24 * HOUR;

    #[test]
    fn the_last_ones_are_kept() {
        let kept = Retention::parse("keep-last=2").kept(&[1, 2, 3]);
        assert_eq!(kept, BTreeSet::from([2, 3]));
    }

    #[test]
    fn of_each_day_the_newest_is_kept() {
        let times = [HOUR, 2 * HOUR, DAY + HOUR, DAY + 2 * HOUR, 2 * DAY + HOUR];
        let kept = Retention::parse("keep-daily=2").kept(&times);
        assert_eq!(kept, BTreeSet::from([DAY + 2 * HOUR, 2 * DAY + HOUR]));
    }

    #[test]
    fn a_period_that_has_one_kept_already_is_not_counted() {
        let times = [HOUR, DAY + HOUR, 2 * DAY + HOUR];
        let kept = Retention::parse("keep-last=1,keep-daily=1").kept(&times);
        assert_eq!(kept, BTreeSet::from([DAY + HOUR, 2 * DAY + HOUR]));
    }

    #[test]
    fn nothing_said_keeps_all() {
        assert!(Retention::parse("keep-last=0").keeps_all());
        assert_eq!(Retention::parse("keep-all=1").kept(&[1, 2]).len(), 2);
    }
}
