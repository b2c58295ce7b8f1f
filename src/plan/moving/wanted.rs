//! The decision: which node a guest is to be on, and what keeps it from going there.

use crate::api::MaintenanceMode;
use crate::model::MigrationConditions;

/// How it stands with a guest's place.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The node that it is on.
    pub here: &'a str,
    /// The node of its host.
    pub home: &'a str,
    /// Whether the spec names another host than the one for which it was placed.
    pub renamed: bool,
    /// Whether it is brought back from wherever it is.
    pub pinned: bool,
    /// Whether it runs, or is to.
    pub up: bool,
    /// Its memory in bytes.
    pub memory: u64,
    /// The node that it left because of a maintenance.
    pub evacuated_from: Option<&'a str>,
}

impl Place<'_> {
    /// Whether nothing but an evacuation of its node could ask for a move.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let at_home = self.here == self.home;
        self.evacuated_from.is_none() && (at_home || !(self.renamed || self.pinned))
    }
}

/// A node of the cluster that is declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name in the cluster.
    pub name: String,
    /// Whether it is taken out of use.
    pub maintenance: MaintenanceMode,
    /// Whether it is online, and open to the guest's namespace.
    pub open: bool,
    /// Memory in bytes that no running guest was given.
    pub free: u64,
}

/// Why a guest is to be elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The spec says so.
    Declared,
    /// Its node is evacuated.
    Evacuation,
    /// The maintenance of its node is over.
    Return,
}

/// Where a guest is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Where it is.
    Here,
    /// On one of these nodes, the best first.
    On(Vec<String>, Why),
    /// Elsewhere, and there is no such place.
    Nowhere(String, Why),
}

/// Where a guest is to be.
#[must_use]
pub fn wanted(place: Place<'_>, nodes: &[Node]) -> Wanted {
    let node = |name: &str| nodes.iter().find(|node| node.name == name);
    let mode = |name: &str| node(name).map_or(MaintenanceMode::None, |node| node.maintenance);
    if place.up && mode(place.here) == MaintenanceMode::Evacuate {
        return refuge(place, nodes);
    }
    let to = |name: &str, why| match node(name) {
        Some(node) if node.maintenance != MaintenanceMode::None => {
            let told = format!(
                "node {name} takes no machines while its maintenance lasts (spec.maintenance of its ProxmoxNode)"
            );
            Wanted::Nowhere(told, why)
        }
        Some(node) if !node.open => Wanted::Nowhere(format!("node {name} can't be used now"), why),
        _ => Wanted::On(vec![name.to_owned()], why),
    };
    if place.renamed && place.here != place.home {
        return to(place.home, Why::Declared);
    }
    // What else the spec says waits for the end of the maintenance.
    if let Some(from) = place
        .evacuated_from
        .filter(|from| *from != place.here && !place.renamed)
    {
        return match node(from) {
            Some(node) if node.maintenance == MaintenanceMode::None && node.open => to(from, Why::Return),
            _ => Wanted::Here,
        };
    }
    if place.pinned && place.here != place.home {
        return to(place.home, Why::Declared);
    }
    Wanted::Here
}

/// Other nodes with room, those with the most first.
fn refuge(place: Place<'_>, nodes: &[Node]) -> Wanted {
    let usable =
        |node: &&Node| node.name != place.here && node.open && node.maintenance == MaintenanceMode::None;
    let mut others: Vec<&Node> = nodes.iter().filter(usable).collect();
    if others.is_empty() {
        let told = "no other node of the cluster is declared, in use and open to the machine's namespace";
        return Wanted::Nowhere(told.to_owned(), Why::Evacuation);
    }
    others.retain(|node| node.free >= place.memory);
    if others.is_empty() {
        let told = "no other node has as much memory left as the machine has";
        return Wanted::Nowhere(told.to_owned(), Why::Evacuation);
    }
    // Where it is to be anyway comes first.
    others.sort_by(|a, b| {
        let home = |node: &Node| node.name != place.home;
        home(a)
            .cmp(&home(b))
            .then(b.free.cmp(&a.free))
            .then(a.name.cmp(&b.name))
    });
    Wanted::On(
        others.into_iter().map(|node| node.name.clone()).collect(),
        Why::Evacuation,
    )
}

/// What keeps a guest from going to a node; nothing if it can go.
#[must_use]
pub fn obstacle(conditions: &MigrationConditions, target: &str) -> Option<String> {
    if !conditions.local_devices.is_empty() {
        let devices = conditions.local_devices.join(", ");
        return Some(format!(
            "{devices} binds it to its node: take that out of the machine, or use a mapping of the cluster"
        ));
    }
    if let Some(lacks) = conditions.lacking.get(target) {
        let lacks = lacks.join(", ");
        return Some(format!(
            "node {target} lacks {lacks}: move the machine's disks to a storage that both nodes have"
        ));
    }
    if let Some(iso) = conditions.local_isos.first() {
        return Some(format!(
            "{iso} lies in its CD drive, and its node alone has that: eject it (spec.cdrom.ejected)"
        ));
    }
    if conditions.running && !conditions.mapped_devices.is_empty() {
        let devices = conditions.mapped_devices.join(", ");
        return Some(format!(
            "it runs, and {devices} can't be moved while it does: stop it first"
        ));
    }
    None
}

/// The first node that a guest can go to, or what stands in the way of each.
///
/// # Errors
///
/// What stands in the way.
pub fn choose<'a>(targets: &'a [String], conditions: &MigrationConditions) -> Result<&'a str, String> {
    let mut told = Vec::new();
    for target in targets {
        match obstacle(conditions, target) {
            None => return Ok(target),
            Some(why) if told.contains(&why) => {}
            Some(why) => told.push(why),
        }
    }
    Err(told.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, maintenance: MaintenanceMode, free: u64) -> Node {
        Node {
            name: name.to_owned(),
            maintenance,
            open: true,
            free,
        }
    }

    fn place<'a>(here: &'a str, home: &'a str) -> Place<'a> {
        Place {
            here,
            home,
            renamed: false,
            pinned: false,
            up: true,
            memory: 4,
            evacuated_from: None,
        }
    }

    #[test]
    fn a_guest_is_where_its_spec_and_the_maintenance_of_nodes_have_it() {
        use MaintenanceMode::{Cordon, Evacuate, None as InUse};
        let on = |name: &str, why| Wanted::On(vec![name.to_owned()], why);
        let three = |mode| [node("a", mode, 8), node("b", InUse, 8), node("c", InUse, 16)];
        let away = Place {
            evacuated_from: Some("a"),
            ..place("b", "a")
        };
        let renamed = Place {
            renamed: true,
            ..place("b", "a")
        };
        let pinned = Place {
            pinned: true,
            ..place("b", "a")
        };
        let down = Place {
            up: false,
            ..place("a", "a")
        };
        for (name, place, mode, expected) in [
            ("at home", place("a", "a"), InUse, Wanted::Here),
            ("somebody moved it", place("b", "a"), InUse, Wanted::Here),
            ("brought back", pinned, InUse, on("a", Why::Declared)),
            ("another host is named", renamed, InUse, on("a", Why::Declared)),
            ("cordoned", place("a", "a"), Cordon, Wanted::Here),
            (
                "the most room first",
                place("a", "a"),
                Evacuate,
                Wanted::On(vec!["c".to_owned(), "b".to_owned()], Why::Evacuation),
            ),
            ("does not run", down, Evacuate, Wanted::Here),
            (
                "too large",
                Place {
                    memory: 17,
                    ..place("a", "a")
                },
                Evacuate,
                Wanted::Nowhere(
                    "no other node has as much memory left as the machine has".to_owned(),
                    Why::Evacuation,
                ),
            ),
            ("the maintenance lasts", away, Evacuate, Wanted::Here),
            ("a restart of the node follows", away, Cordon, Wanted::Here),
            ("the way back", away, InUse, on("a", Why::Return)),
            (
                "pinned and away",
                Place { pinned: true, ..away },
                Evacuate,
                Wanted::Here,
            ),
        ] {
            assert_eq!(wanted(place, &three(mode)), expected, "{name}");
            // The short cut of the passes leads to the same.
            if mode != Evacuate && place.is_settled() {
                assert_eq!(wanted(place, &[]), expected, "{name}");
            }
        }
        assert!(
            matches!(wanted(renamed, &three(Cordon)), Wanted::Nowhere(why, Why::Declared) if why.contains("maintenance"))
        );
        let alone = [node("a", Evacuate, 8)];
        assert!(matches!(
            wanted(place("a", "a"), &alone),
            Wanted::Nowhere(_, Why::Evacuation)
        ));
    }

    #[test]
    fn what_stands_in_the_way_is_named() {
        let targets = ["b".to_owned(), "c".to_owned()];
        let free = MigrationConditions::default();
        assert_eq!(choose(&targets, &free), Ok("b"));
        let lacking = MigrationConditions {
            lacking: [("b".to_owned(), vec!["ssd".to_owned()])].into(),
            ..free.clone()
        };
        assert_eq!(choose(&targets, &lacking), Ok("c"));
        assert!(
            choose(&targets[..1], &lacking)
                .unwrap_err()
                .contains("node b lacks ssd")
        );
        let mapped = MigrationConditions {
            mapped_devices: vec!["hostpci0".to_owned()],
            ..free.clone()
        };
        assert_eq!(choose(&targets, &mapped), Ok("b"));
        let running = MigrationConditions {
            running: true,
            ..mapped
        };
        assert!(choose(&targets, &running).unwrap_err().contains("stop it first"));
        let iso = MigrationConditions {
            local_isos: vec!["local:iso/debian.iso".to_owned()],
            ..free.clone()
        };
        assert!(choose(&targets, &iso).unwrap_err().contains("eject"));
        let bound = MigrationConditions {
            local_devices: vec!["usb0".to_owned()],
            ..free
        };
        assert!(choose(&targets, &bound).unwrap_err().contains("usb0"));
    }
}
