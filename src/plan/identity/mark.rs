//! The mark: one line in a guest's description that says whose it is.
//!
//! A mark names the number of its guest and, once sealed, the guest's UUID. Descriptions travel with clones
//! and restores, so a mark counts only where both are the guest's own; anything else is a copy.

use std::fmt;

use uuid::Uuid;

use crate::model::{GuestConfig, GuestId};

const OPEN: &str = "<!-- drover/v1 ";
const CLOSE: &str = " -->";
const RELEASED: &str = "released";
const ADOPTED: &str = "origin=adopted";

/// Whose a guest is, as its description says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// UID of the namespace `kube-system` of the Kubernetes cluster.
    pub cluster: String,
    /// Kind of the resource.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// The guest's number.
    pub id: GuestId,
    /// The guest's UUID; absent while the mark is not sealed.
    pub uuid: Option<Uuid>,
    /// Whether the owner let the guest go: it is nobody's.
    pub released: bool,
    /// Whether the guest was there before its owner, and adopted.
    pub adopted: bool,
}

/// What the description of a guest says about its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarkReading {
    /// No mark at all.
    None,
    /// A mark of another guest: of another number, or sealed with another UUID.
    Copy(Mark),
    /// The guest's own mark, sealed.
    Sealed(Mark),
    /// A mark with the guest's number that is not sealed yet.
    Unsealed(Mark),
    /// The guest's own mark, whose owner let it go.
    Released(Mark),
    /// Several marks, or one that can't be read: somebody's, and it can't be told whose.
    Unclear,
}

impl Mark {
    /// The mark with the identity that seals it.
    #[must_use]
    pub fn sealed(mut self, uuid: Uuid) -> Self {
        self.uuid = Some(uuid);
        self
    }

    /// The mark that says that its owner let the guest go.
    #[must_use]
    pub fn released(mut self) -> Self {
        self.released = true;
        self
    }

    /// Lays the mark into a description: what people wrote stays, older marks go.
    #[must_use]
    pub fn write_into(&self, description: &str) -> String {
        let mut lines: Vec<&str> = description.lines().filter(|line| !is_mark(line)).collect();
        while lines.last().is_some_and(|line| line.trim().is_empty()) {
            lines.pop();
        }
        let own = self.to_string();
        lines.push(&own);
        lines.join("\n")
    }

    fn parse(line: &str) -> Option<Self> {
        let inner = line.trim().strip_prefix(OPEN)?.strip_suffix(CLOSE)?;
        let field = |key: &str| {
            let mut values = inner
                .split(' ')
                .filter_map(|pair| pair.split_once('='))
                .filter(|(k, _)| *k == key)
                .map(|(_, v)| v.to_owned());
            values.next().filter(|v| !v.is_empty() && values.next().is_none())
        };
        let uuid = match inner.split(' ').find_map(|pair| pair.strip_prefix("uuid=")) {
            Some(text) => Some(text.parse().ok()?),
            None => None,
        };
        Some(Self {
            cluster: field("cluster")?,
            kind: field("kind")?,
            namespace: field("namespace")?,
            name: field("name")?,
            uid: field("uid")?,
            id: field("id")?.parse().ok()?,
            uuid,
            released: inner.split(' ').any(|word| word == RELEASED),
            adopted: inner.split(' ').any(|word| word == ADOPTED),
        })
    }
}

/// What people wrote into a description, without marks.
#[must_use]
pub fn notes(description: &str) -> String {
    let lines: Vec<&str> = description.lines().filter(|line| !is_mark(line)).collect();
    lines.join("\n").trim_end().to_owned()
}

/// A description in which people's words are these, and the marks those that stand in `description`.
#[must_use]
pub fn with_notes(description: &str, notes: &str) -> String {
    let marks = description.lines().filter(|line| is_mark(line));
    let own = notes.lines().filter(|line| !is_mark(line));
    let lines: Vec<&str> = own.chain(marks).collect();
    lines.join("\n")
}

fn is_mark(line: &str) -> bool {
    line.contains("drover/v1")
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cluster,
            kind,
            namespace,
            name,
            uid,
            id,
            uuid,
            released,
            adopted,
        } = self;
        f.write_str(OPEN)?;
        if *released {
            write!(f, "{RELEASED} ")?;
        }
        write!(
            f,
            "cluster={cluster} kind={kind} namespace={namespace} name={name} uid={uid} id={id}"
        )?;
        if let Some(uuid) = uuid {
            write!(f, " uuid={uuid}")?;
        }
        if *adopted {
            write!(f, " {ADOPTED}")?;
        }
        f.write_str(CLOSE)
    }
}

/// Reads the mark of the guest that stands under a number.
#[must_use]
pub fn read(id: GuestId, config: &GuestConfig) -> MarkReading {
    let mut marks = config.description.lines().filter(|line| is_mark(line));
    let Some(line) = marks.next() else {
        return MarkReading::None;
    };
    let (Some(mark), None) = (Mark::parse(line), marks.next()) else {
        return MarkReading::Unclear;
    };
    match mark.uuid {
        _ if mark.id != id => MarkReading::Copy(mark),
        sealed if mark.released && (sealed.is_none() || sealed == config.uuid) => MarkReading::Released(mark),
        None => MarkReading::Unsealed(mark),
        sealed if sealed == config.uuid => MarkReading::Sealed(mark),
        Some(_) => MarkReading::Copy(mark),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::identity::fixtures::{config, mark, number};

    #[test]
    fn mark_is_sealed_only_with_the_guests_own_number_and_uuid() {
        let uuid = Uuid::from_u128(1);
        let own = mark(105).sealed(uuid);
        assert_eq!(
            read(number(105), &config(Some(uuid), &own.to_string())),
            MarkReading::Sealed(own.clone())
        );
        assert_eq!(
            read(number(106), &config(Some(uuid), &own.to_string())),
            MarkReading::Copy(own.clone())
        );
        let other = config(Some(Uuid::from_u128(2)), &own.to_string());
        assert_eq!(read(number(105), &other), MarkReading::Copy(own.clone()));
        assert_eq!(
            read(number(105), &config(None, &own.to_string())),
            MarkReading::Copy(own)
        );
    }

    #[test]
    fn released_mark_is_told_from_one_that_counts() {
        let uuid = Uuid::from_u128(1);
        let let_go = mark(105).sealed(uuid).released();
        let reading = |id, uuid| read(number(id), &config(Some(uuid), &let_go.to_string()));
        assert_eq!(reading(105, uuid), MarkReading::Released(let_go.clone()));
        assert_eq!(reading(106, uuid), MarkReading::Copy(let_go.clone()));
        assert_eq!(
            reading(105, Uuid::from_u128(2)),
            MarkReading::Copy(let_go.clone())
        );
        let adopted = Mark {
            adopted: true,
            ..mark(105).sealed(uuid)
        };
        assert_eq!(
            read(number(105), &config(Some(uuid), &adopted.to_string())),
            MarkReading::Sealed(adopted)
        );
        let back = mark(105).sealed(uuid).write_into(&let_go.to_string());
        assert_eq!(
            read(number(105), &config(Some(uuid), &back)),
            MarkReading::Sealed(mark(105).sealed(uuid))
        );
    }

    #[test]
    fn what_can_not_be_read_is_not_taken_for_unmarked() {
        for text in [
            "<!-- drover/v1 -->",
            "<!-- drover/v2 cluster=a -->\ndrover/v1",
            "<!-- drover/v1 released id=105 -->",
            "<!-- drover/v1 cluster=a kind=b namespace=c name=d uid=e uid=f id=105 -->",
            "<!-- drover/v1 cluster=a kind=b namespace=c name=d uid=e id=105 uuid=x -->",
        ] {
            assert_eq!(
                read(number(105), &config(None, text)),
                MarkReading::Unclear,
                "{text}"
            );
        }
        let twice = format!("{}\n{}", mark(105), mark(105));
        assert_eq!(read(number(105), &config(None, &twice)), MarkReading::Unclear);
    }

    proptest! {
        #[test]
        fn peoples_text_survives_and_the_mark_reads_back(text in "[a-zA-Z0-9 ü<>!-]{0,40}(\n[a-z ]{0,20}){0,4}") {
            let own = mark(105).sealed(Uuid::from_u128(7));
            let described = own.write_into(&text);
            prop_assert!(described.starts_with(text.trim_end()));
            prop_assert_eq!(
                read(number(105), &config(Some(Uuid::from_u128(7)), &described)),
                MarkReading::Sealed(own.clone())
            );
            prop_assert_eq!(own.write_into(&described), described);
        }
    }
}
