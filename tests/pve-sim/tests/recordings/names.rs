//! Names that only the machine that made them could know. They are told from the rest of a text by how they look, and
//! what the recorded machine called so is bound to what the simulator calls so: later requests are translated, and
//! later answers have to use the same name for the same thing.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use regex::Regex;

use super::call::Call;
use super::session::encode;

/// What has to hold for two names that stand at the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// The same recorded name is always the same own name, and the other way round.
    OneToOne,
    /// The same recorded name is always the same own name; two may become one.
    Function,
    /// Only the look.
    Free,
    /// A UPID: its node, type, id and user are equal, and it is one to one.
    Upid,
}

struct Name {
    pattern: &'static str,
    /// The calls in whose answers it is one.
    calls: &'static str,
    rule: Rule,
    /// Why it can't be equal.
    reason: &'static str,
}

/// All of them. The first that matches at a place counts.
const NAMES: &[Name] = &[
    Name {
        pattern: r"UPID:[^:\s']+:[0-9A-F]{8}:[0-9A-F]{8,9}:[0-9A-F]{8}:[^:\s']*:[^:\s']*:[^:\s']+:",
        calls: "**",
        rule: Rule::Upid,
        reason: "holds a process id and two times",
    },
    Name {
        pattern: r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
        calls: "**",
        rule: Rule::OneToOne,
        reason: "random",
    },
    Name {
        pattern: r"(?i)\bbc:24:11(:[0-9a-f]{2}){3}\b",
        calls: "**",
        rule: Rule::OneToOne,
        reason: "random below the prefix",
    },
    Name {
        pattern: r"\b[0-9a-f]{40}\b",
        calls: "**",
        rule: Rule::OneToOne,
        reason: "the digest of a file with such names in it",
    },
    Name {
        pattern: r"\b\d{4}_\d\d_\d\d-\d\d_\d\d_\d\d\b",
        calls: "**",
        rule: Rule::Function,
        reason: "the time in the name of an archive",
    },
    Name {
        pattern: r"\bcreation-qemu=[\d.]+,ctime=\d+\b",
        calls: "**",
        rule: Rule::Free,
        reason: "the version of the recorded machine's QEMU, which isn't Proxmox's, and a time",
    },
    Name {
        pattern: r"\$5\$[./0-9A-Za-z]{8}\$[./0-9A-Za-z]{43}",
        calls: "GET /nodes/*/qemu/*/cloudinit/dump",
        rule: Rule::Free,
        reason: "the hash of a password that the recorder blackened, with a random salt",
    },
    Name {
        pattern: "Temporary failure in name resolution|Name or service not known",
        calls: "**",
        rule: Rule::Free,
        reason: "what the machine's resolver says about a name that isn't one",
    },
    Name {
        pattern: r"\b[0-9a-f]{16}\b",
        calls: "GET /version",
        rule: Rule::OneToOne,
        reason: "the hash of a build",
    },
    Name {
        pattern: r"\b[0-9a-f]{16}\b",
        calls: "GET /nodes/*/status",
        rule: Rule::OneToOne,
        reason: "the hash of a build",
    },
    Name {
        pattern: r"\b[0-9a-f]{16}\b",
        calls: "GET /nodes/*/version",
        rule: Rule::OneToOne,
        reason: "the hash of a build",
    },
    Name {
        pattern: r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\b",
        calls: "GET /nodes/*/tasks/*/log",
        rule: Rule::Free,
        reason: "a time",
    },
    Name {
        pattern: r"\b\d\d:\d\d:\d\d\b",
        calls: "GET /nodes/*/tasks/*/log",
        rule: Rule::Free,
        reason: "a duration",
    },
    Name {
        pattern: r"\b[\d.]+ ?[KMG]i?B/s",
        calls: "GET /nodes/*/tasks/*/log",
        rule: Rule::Free,
        reason: "a measured speed",
    },
    Name {
        pattern: r"\btransferred [\d.]+ [KMG]iB VM-state\b",
        calls: "GET /nodes/*/tasks/*/log",
        rule: Rule::Free,
        reason: "what the guest had in its memory",
    },
    Name {
        pattern: r"\.tmp\.\d+\b",
        calls: "**",
        rule: Rule::Free,
        reason: "a process id",
    },
    Name {
        pattern: r"\b[0-9a-f]{64}\b",
        calls: "GET /nodes/*/tasks/**",
        rule: Rule::OneToOne,
        reason: "the checksum of a file that only the recorder had",
    },
    Name {
        pattern: r"/var/var/tmp/|/var/tmp/",
        calls: "GET /nodes/*/tasks/**",
        rule: Rule::Free,
        reason: "where the recorded machine kept temporary files",
    },
    Name {
        pattern: r"\bqemu-img(\.real)?: ",
        calls: "GET /nodes/*/tasks/**",
        rule: Rule::Free,
        reason: "the recorded machine's qemu-img was behind another program",
    },
    Name {
        pattern: r"/var/var/tmp/|/var/tmp/",
        calls: "GET /cluster/tasks",
        rule: Rule::Free,
        reason: "where the recorded machine kept temporary files",
    },
    Name {
        pattern: r"\bqemu-img(\.real)?: ",
        calls: "GET /cluster/tasks",
        rule: Rule::Free,
        reason: "the recorded machine's qemu-img was behind another program",
    },
    Name {
        pattern: r"\bTotal bytes written: \d+ \([\d.]+[KMG]?i?B",
        calls: "GET /nodes/*/tasks/*/log",
        rule: Rule::Free,
        reason: "what tar measured",
    },
    Name {
        pattern: r"\barchive file size: [\d.]+[KMGT]?B$",
        calls: "GET /nodes/*/tasks/*/log",
        rule: Rule::Free,
        reason: "what tar and zstd made of it",
    },
    Name {
        pattern: r"\bpveupload-[0-9a-f]{32}\b",
        calls: "**",
        rule: Rule::OneToOne,
        reason: "random",
    },
];

static PATTERNS: LazyLock<Vec<Regex>> =
    LazyLock::new(|| NAMES.iter().map(|n| Regex::new(n.pattern).unwrap()).collect());

/// A text, cut at the names in it.
struct Cut<'a> {
    literals: Vec<&'a str>,
    names: Vec<(usize, &'a str)>,
}

fn cut<'a>(text: &'a str, call: Option<&Call>) -> Cut<'a> {
    let mut found: Vec<(usize, usize, usize)> = Vec::new();
    for (kind, pattern) in PATTERNS.iter().enumerate() {
        if call.is_none_or(|c| c.matches(NAMES[kind].calls)) {
            found.extend(pattern.find_iter(text).map(|m| (m.start(), kind, m.end())));
        }
    }
    found.sort_unstable();
    let (mut literals, mut names, mut from) = (Vec::new(), Vec::new(), 0);
    for (start, kind, end) in found {
        if start >= from {
            literals.push(&text[from..start]);
            names.push((kind, &text[start..end]));
            from = end;
        }
    }
    literals.push(&text[from..]);
    Cut { literals, names }
}

/// The text with another name of the same kind in the place of its first name, if it has one that can be changed.
pub(crate) fn other(text: &str, call: &Call) -> Option<String> {
    let before = cut(text, Some(call));
    let (kind, name) = *before.names.first()?;
    let start = before.literals.first()?.len();
    let digits = name.char_indices().rev().filter(|(_, c)| c.is_ascii_digit());
    let mut changed = digits.map(|(at, digit)| {
        let other = if digit == '1' { "2" } else { "1" };
        let at = start + at;
        [&text[..at], other, &text[at + 1..]].concat()
    });
    changed.find(|changed| {
        let after = cut(changed, Some(call));
        after.literals == before.literals && after.names.first().is_some_and(|(other, _)| *other == kind)
    })
}

/// Which recorded name is which own one. Copies share what was settled, so that trying something costs little.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bindings {
    settled: Arc<Pairs>,
    new: Pairs,
}

#[derive(Clone, Debug, Default)]
struct Pairs {
    own: BTreeMap<String, String>,
    recorded: BTreeMap<String, String>,
}

impl Bindings {
    /// Names that somebody wrote into a request aren't the machine's: they have to come back as they are.
    pub(crate) fn pin(&mut self, request: &str) {
        let decoded = percent_encoding::percent_decode_str(request).decode_utf8_lossy();
        for (_, name) in cut(&decoded, None).names {
            let key = key(name);
            if self.own(&key).is_none() && self.recorded(&key).is_none() {
                self.bind(name, name);
            }
        }
    }

    /// What was bound so far stays.
    pub(crate) fn settle(&mut self) {
        let new = std::mem::take(&mut self.new);
        if !new.own.is_empty() {
            let settled = Arc::make_mut(&mut self.settled);
            settled.own.extend(new.own);
            settled.recorded.extend(new.recorded);
        }
    }

    fn own(&self, key: &str) -> Option<&String> {
        self.new.own.get(key).or_else(|| self.settled.own.get(key))
    }

    fn recorded(&self, key: &str) -> Option<&String> {
        self.new
            .recorded
            .get(key)
            .or_else(|| self.settled.recorded.get(key))
    }

    /// Whether the first name in a recorded text is bound to one alone.
    pub(crate) fn knows_name_in(&self, text: &str, call: &Call) -> bool {
        let cut = cut(text, Some(call));
        cut.names.first().is_some_and(|(kind, name)| {
            let alone = matches!(NAMES[*kind].rule, Rule::OneToOne | Rule::Upid);
            alone && self.own(&key(name)).is_some()
        })
    }

    fn bind(&mut self, recorded: &str, own: &str) {
        self.new.own.insert(key(recorded), own.to_owned());
        self.new.recorded.insert(key(own), recorded.to_owned());
    }

    /// A recorded text with the own names, encoded where they were.
    pub(crate) fn translate(&self, recorded: &str) -> String {
        let decoded = percent_encoding::percent_decode_str(recorded).decode_utf8_lossy();
        if cut(&decoded, None).names.is_empty() {
            return recorded.to_owned();
        }
        let mut known: Vec<(String, String)> = Vec::new();
        for (from, to) in self.settled.own.iter().chain(&self.new.own) {
            for pair in [(from.clone(), to.clone()), (encode(from), encode(to))] {
                if recorded.contains(&pair.0) {
                    known.push(pair);
                }
            }
        }
        let mut own = String::new();
        let mut rest = recorded;
        while let Some(next) = rest.chars().next() {
            if let Some((from, to)) = known.iter().find(|(from, _)| rest.starts_with(from)) {
                own.push_str(to);
                rest = &rest[from.len()..];
            } else {
                own.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
        own
    }

    /// Whether two texts are equal but for names that agree, which are bound; else what is wrong.
    pub(crate) fn agree(&mut self, recorded: &str, own: &str, call: &Call) -> Result<(), String> {
        let (left, right) = (cut(recorded, Some(call)), cut(own, Some(call)));
        let kinds = |cut: &Cut<'_>| cut.names.iter().map(|(kind, _)| *kind).collect::<Vec<_>>();
        let mut wrong = Ok(());
        if left.literals != right.literals || kinds(&left) != kinds(&right) {
            wrong = Err(format!("{recorded:?} ≠ {own:?}"));
        }
        if left.names.len() == right.names.len() {
            for ((kind, theirs), (own_kind, ours)) in left.names.into_iter().zip(right.names) {
                if kind == own_kind {
                    let pair = self.pair(NAMES[kind].rule, theirs, ours);
                    wrong = wrong.and(pair);
                }
            }
        }
        wrong
    }

    fn pair(&mut self, rule: Rule, recorded: &str, own: &str) -> Result<(), String> {
        if rule == Rule::Free {
            return Ok(());
        }
        let (from, to) = (key(recorded), key(own));
        let is_small = |name: &str| name.chars().any(char::is_lowercase);
        let mut wrong = Ok(());
        if (rule == Rule::Upid && upid_parts(recorded) != upid_parts(own))
            || is_small(recorded) != is_small(own)
        {
            wrong = Err(format!("{recorded:?} ≠ {own:?}"));
        }
        match self.own(&from) {
            Some(bound) if key(bound) != to => {
                return Err(format!("{recorded:?} is {bound:?}, and here {own:?}"));
            }
            Some(_) => {}
            None => {
                if let Some(other) = self.recorded(&to)
                    && rule != Rule::Function
                {
                    return Err(format!("{own:?} is for {other:?}, and here for {recorded:?}"));
                }
                self.bind(recorded, own);
            }
        }
        wrong
    }
}

/// MAC addresses are written in capitals or not.
fn key(name: &str) -> String {
    if name.len() == 17 {
        name.to_ascii_uppercase()
    } else {
        name.to_owned()
    }
}

/// Node, type, id and user.
fn upid_parts(upid: &str) -> [Option<&str>; 4] {
    let parts: Vec<&str> = upid.split(':').collect();
    [1, 5, 6, 7].map(|n| parts.get(n).copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "6351fdbd-69cd-40c2-9134-9069bb3b773d";
    const OTHER: &str = "0c6a19cd-d990-4a60-a00f-a4893b3b618e";

    fn agree(bindings: &mut Bindings, recorded: &str, own: &str) -> bool {
        bindings.agree(recorded, own, &Call::new("GET", "/x")).is_ok()
    }

    #[test]
    fn every_kind_of_name_says_why_it_is_one() {
        assert!(NAMES.iter().all(|name| !name.reason.is_empty()));
    }

    #[test]
    fn name_is_bound_to_one_name_in_both_directions() {
        let mut bindings = Bindings::default();
        assert!(agree(
            &mut bindings,
            &format!("uuid={ONE}"),
            &format!("uuid={OTHER}")
        ));
        assert!(agree(&mut bindings, ONE, OTHER));
        assert!(!agree(&mut bindings, ONE, ONE));
        assert!(!agree(&mut bindings, OTHER, OTHER));
    }

    #[test]
    fn name_that_a_request_brought_comes_back_as_it_is() {
        let mut bindings = Bindings::default();
        bindings.pin(&format!("smbios1=uuid%3D{ONE}"));
        assert!(!agree(&mut bindings, ONE, OTHER));
        assert!(agree(&mut bindings, ONE, ONE));
    }

    #[test]
    fn upid_has_the_same_node_type_id_and_user() {
        let upid = |rest: &str| format!("UPID:pve:000000B5:000A0F99:6B02625C:{rest}:");
        let agrees = |own: &str| agree(&mut Bindings::default(), &upid("qmcreate:100:root@pam"), own);
        assert!(agrees(
            "UPID:pve:000007D1:0083D602:6B07677D:qmcreate:100:root@pam:"
        ));
        assert!(!agrees(
            "UPID:pve1:000007D1:0083D602:6B07677D:qmcreate:100:root@pam:"
        ));
        assert!(!agrees(&upid("qmstart:100:root@pam")));
        assert!(!agrees(&upid("qmcreate:101:root@pam")));
        assert!(!agrees(&upid("qmcreate:100:root@pam!op")));
    }

    #[test]
    fn request_is_translated_in_its_own_encoding() {
        let mut bindings = Bindings::default();
        let theirs = "UPID:pve:000000B5:000A0F99:6B02625C:qmcreate:100:root@pam:";
        let ours = "UPID:pve:000007D1:0083D602:6B07677D:qmcreate:100:root@pam:";
        assert!(agree(&mut bindings, theirs, ours));
        let path = |upid: &str| format!("/nodes/pve/tasks/{upid}/status");
        assert_eq!(bindings.translate(&path(theirs)), path(ours));
        assert_eq!(bindings.translate(&path(&encode(theirs))), path(&encode(ours)));
    }

    #[test]
    fn text_around_a_name_counts() {
        assert!(!agree(
            &mut Bindings::default(),
            &format!("uuid={ONE}"),
            &format!("uid={OTHER}")
        ));
        assert!(!agree(&mut Bindings::default(), ONE, "no uuid"));
    }
}
