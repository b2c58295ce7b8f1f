//! All files' replays, counted and printed.

use std::fmt::Write;

use futures::future::join_all;
use pve_sim::Release;

use super::files::{FILES, File};
use super::flip::{Count, Tally};
use super::known::{self, KNOWN};
use super::replay::{Outcome, Verdict, replay};
use super::{left_out, library};

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
        for &release in file.releases {
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
                        let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
                        writeln!(text, "unequal {at} {title}\n    {}", lines.join("\n    "))
                    }
                    Verdict::Known(reason) => writeln!(text, "known different {at} {title}\n    {reason}"),
                    Verdict::KnownButEqual(place) => {
                        writeln!(text, "equal, but listed as different: {place} of {at} {title}")
                    }
                    Verdict::LeftOut(reason) => writeln!(text, "left out {at} {title}: {reason}"),
                    Verdict::Equal => writeln!(text, "equal {at} {title}"),
                };
            }
        }
        for (kind, count) in self.flips().counts {
            let Count {
                made,
                seen,
                masked,
                known,
            } = count;
            let _ = writeln!(
                text,
                "{kind:?} changed {made} times, seen {seen}, masked {masked}, known to differ {known}"
            );
        }
        let _ = write!(
            text,
            "replayed {}, equal {}, known different {} (listed, each with a reason), unequal {}",
            self.count(|v| !matches!(v, Verdict::LeftOut(_))),
            self.count(|v| matches!(v, Verdict::Equal | Verdict::KnownButEqual(_))),
            self.count(|v| matches!(v, Verdict::Known(_))),
            self.count(|v| matches!(v, Verdict::Unequal(_))),
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
                sum.known += count.known;
            }
            let at = format!("{}/{}", file.release.version(), file.file.name);
            all.unseen
                .extend(file.flips.unseen.iter().map(|what| format!("{at} {what}")));
        }
        all
    }

    /// What is wrong with it, if anything.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = self.faults_of_lists();
        for file in &self.files {
            let at = format!("{}/{}", file.release.version(), file.file.name);
            for outcome in &file.outcomes {
                let index = outcome.index;
                match &outcome.verdict {
                    Verdict::Unequal(_) => faults.push(format!("{at} {index} is unequal")),
                    Verdict::KnownButEqual(place) => {
                        faults.push(format!(
                            "{at} {index} is listed as different at {place}, and isn't"
                        ));
                    }
                    Verdict::Equal | Verdict::Known(_) | Verdict::LeftOut(_) => {}
                }
            }
        }
        faults
    }

    /// Lists that are longer than they may be, and recordings that no list has.
    fn faults_of_lists(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for release in [Release::V8_4, Release::V9_2] {
            let known = KNOWN.iter().filter(|k| k.release == release).count();
            let most = known::MOST;
            if known > most {
                faults.push(format!(
                    "{known} known differences of {release}, at most {most} may be"
                ));
            }
            for name in library::names(release) {
                let is_it = |file: &&File| file.name == name && file.releases.contains(&release);
                if !FILES.iter().any(|file| is_it(&file)) {
                    faults.push(format!("nobody replays {}/{name}", release.version()));
                }
            }
        }
        let left_out = self.count(|v| matches!(v, Verdict::LeftOut(_)));
        let most = left_out::MOST;
        if left_out > most {
            faults.push(format!("{left_out} are left out, at most {most} may be"));
        }
        faults
    }

    fn count(&self, is: fn(&Verdict) -> bool) -> usize {
        let outcomes = self.files.iter().flat_map(|file| &file.outcomes);
        outcomes.filter(|outcome| is(&outcome.verdict)).count()
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
