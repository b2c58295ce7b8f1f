//! All files' replays, counted and printed.

use std::fmt::Write;

use futures::future::join_all;
use pve_sim::Release;

use super::files::{FILES, File};
use super::flip::{Count, Tally};
use super::known::{self, KNOWN};
use super::left_out;
use super::replay::{Outcome, Verdict, replay};

/// What came out of one file.
pub(crate) struct FileReport {
    file: &'static File,
    release: Release,
    outcomes: Vec<Outcome>,
    flips: Tally,
}

/// What came out of all.
pub(crate) struct Report {
    files: Vec<FileReport>,
    only: Only,
}

/// Replays all files, or those that `REPLAY` names.
pub(crate) async fn report() -> Report {
    let only = Only::from_environment();
    let mut replays = Vec::new();
    for file in FILES {
        for release in file.releases() {
            if only.names(file.name, release) {
                replays.push(async move {
                    let (outcomes, flips) = replay(file, release).await;
                    FileReport {
                        file,
                        release,
                        outcomes,
                        flips,
                    }
                });
            }
        }
    }
    Report {
        files: join_all(replays).await,
        only,
    }
}

impl Report {
    /// What differs, and what the lists say, a line each, and the totals at the end.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for file in &self.files {
            for outcome in file.outcomes.iter().filter(|o| self.only.shows(o)) {
                let at = format!("{}/{} {}", file.release.version(), file.file.name, outcome.index);
                let title: String = outcome.title.chars().take(200).collect();
                let _ = match &outcome.verdict {
                    Verdict::Unequal(differences) => {
                        writeln!(text, "unequal {at} {title}\n    {}", differences.join("\n    "))
                    }
                    Verdict::Known(reason) => writeln!(text, "known different {at} {title}\n    {reason}"),
                    Verdict::KnownButEqual => writeln!(text, "equal, but listed as different: {at} {title}"),
                    Verdict::LeftOut(reason) => writeln!(text, "left out {at} {title}: {reason}"),
                    Verdict::Equal => writeln!(text, "equal {at} {title}"),
                };
            }
        }
        for file in &self.files {
            let (unequal, allowed) = (file.unequal(), file.allowed());
            if unequal > 0 || allowed > 0 {
                let (release, name) = (file.release.version(), file.file.name);
                let _ = writeln!(
                    text,
                    "{release}/{name}: {unequal} unequal, {allowed} allowed for now"
                );
            }
        }
        for (kind, count) in self.flips().counts {
            let Count { made, seen, masked } = count;
            let _ = writeln!(
                text,
                "{kind:?} changed {made} times, seen {seen}, masked {masked}"
            );
        }
        let count = |is: fn(&Verdict) -> bool| -> usize { self.files.iter().map(|f| f.count(is)).sum() };
        let left_out = count(|v| matches!(v, Verdict::LeftOut(_)));
        let all: usize = self.files.iter().map(|f| f.outcomes.len()).sum();
        let _ = write!(
            text,
            "replayed {}, equal {}, known different {} (listed, each with a reason), unequal {}",
            all - left_out,
            count(|v| matches!(v, Verdict::Equal | Verdict::KnownButEqual)),
            count(|v| matches!(v, Verdict::Known(_))),
            count(|v| matches!(v, Verdict::Unequal(_))),
        );
        text
    }

    /// Whether all files were replayed, so that shares of the whole can be told.
    pub(crate) fn is_whole(&self) -> bool {
        self.only.file.is_none()
    }

    /// The changes that were tried on the comparison, of all files.
    pub(crate) fn flips(&self) -> Tally {
        let mut all = Tally::default();
        for file in &self.files {
            for (kind, count) in &file.flips.counts {
                let sum = all.counts.entry(*kind).or_default();
                sum.made += count.made;
                sum.seen += count.seen;
                sum.masked += count.masked;
            }
            let at = format!("{}/{}", file.release.version(), file.file.name);
            all.unseen
                .extend(file.flips.unseen.iter().map(|what| format!("{at} {what}")));
        }
        all
    }

    /// What is wrong with it, if anything.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for release in [Release::V8_4, Release::V9_2] {
            let known = KNOWN.iter().filter(|k| k.release == release).count();
            if known > known::MOST {
                faults.push(format!(
                    "{known} known differences of {release}, at most {} may be",
                    known::MOST
                ));
            }
        }
        let left_out: usize = self
            .files
            .iter()
            .map(|f| f.count(|v| matches!(v, Verdict::LeftOut(_))))
            .sum();
        if left_out > left_out::MOST {
            faults.push(format!(
                "{left_out} are left out, at most {} may be",
                left_out::MOST
            ));
        }
        for file in &self.files {
            let at = format!("{}/{}", file.release.version(), file.file.name);
            if file.unequal() > file.allowed() {
                faults.push(format!(
                    "{at}: {} unequal, {} allowed",
                    file.unequal(),
                    file.allowed()
                ));
            }
            for outcome in &file.outcomes {
                if outcome.verdict == Verdict::KnownButEqual {
                    faults.push(format!(
                        "{at} {} is listed as different, and isn't",
                        outcome.index
                    ));
                }
            }
        }
        faults
    }
}

impl FileReport {
    fn count(&self, is: fn(&Verdict) -> bool) -> usize {
        self.outcomes.iter().filter(|o| is(&o.verdict)).count()
    }

    fn unequal(&self) -> usize {
        self.count(|v| matches!(v, Verdict::Unequal(_)))
    }

    fn allowed(&self) -> usize {
        self.file.unequal_for_now(self.release)
    }
}

/// What `REPLAY` and `REPLAY_VERBOSE` ask for.
struct Only {
    file: Option<String>,
    indexes: std::ops::RangeInclusive<usize>,
    verbose: bool,
}

impl Only {
    fn from_environment() -> Self {
        #[allow(clippy::disallowed_methods, reason = "a test has no configuration")]
        let given = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
        let asked = given("REPLAY").unwrap_or_default();
        let (file, range) = asked.split_once(':').unwrap_or((&asked, ""));
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let number = |text: &str, otherwise: usize| text.parse().unwrap_or(otherwise);
        Self {
            file: (!file.is_empty()).then(|| file.to_owned()),
            indexes: number(first, 0)..=number(last, usize::MAX),
            verbose: given("REPLAY_VERBOSE").is_some(),
        }
    }

    fn names(&self, file: &str, release: Release) -> bool {
        let full = format!("{}/{file}", release.version());
        self.file.as_ref().is_none_or(|f| f == file || *f == full)
    }

    fn shows(&self, outcome: &Outcome) -> bool {
        self.indexes.contains(&outcome.index) && (self.verbose || outcome.verdict != Verdict::Equal)
    }
}
