//! Whether everything ends well: what goes on without further faults comes to rest, and there each machine is as
//! declared or its resource says why not.

use super::Moves;

/// How a declared machine stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// It is as declared, or there is none.
    Ready,
    /// Why it is not, and what a person can do, stands in its conditions.
    Told,
    /// Something is waited for that is under way.
    Waits,
    /// Something is due.
    AtWork,
}

impl Moves<'_> {
    /// What is wrong if nothing goes on any more.
    pub(super) fn unrest(&self) -> Option<&'static str> {
        self.rest.iter().find_map(|rest| match rest {
            Rest::Ready | Rest::Told => None,
            Rest::Waits => Some("a machine waits for what never comes"),
            Rest::AtWork => Some("a machine is worked at in vain"),
        })
    }
}

/// Where each state can go without further faults.
#[derive(Default)]
pub(super) struct Runs {
    /// By state: where its part of `targets` begins.
    begins: Vec<usize>,
    targets: Vec<u32>,
}

impl Runs {
    /// The next state.
    pub(super) fn begin(&mut self) {
        self.begins.push(self.targets.len());
    }

    /// The state goes there.
    pub(super) fn goes_to(&mut self, target: u32) {
        self.targets.push(target);
    }

    fn of(&self, state: usize) -> &[u32] {
        let Some(begin) = self.begins.get(state) else {
            return &[];
        };
        let end = self.begins.get(state + 1).copied().unwrap_or(self.targets.len());
        &self.targets[*begin..end]
    }

    /// A state to which a run comes back, of the first `states`, depth first.
    pub(super) fn endless(&self, states: usize) -> Option<usize> {
        let (mut begun, mut done) = (vec![false; states], vec![false; states]);
        for start in 0..states {
            if begun[start] {
                continue;
            }
            begun[start] = true;
            let mut path = vec![(start, 0)];
            while let Some((state, next)) = path.last_mut() {
                let Some(target) = self.of(*state).get(*next) else {
                    done[*state] = true;
                    path.pop();
                    continue;
                };
                *next += 1;
                let target = usize::try_from(*target).unwrap();
                if target >= states || done[target] {
                    continue;
                }
                if begun[target] {
                    return Some(target);
                }
                begun[target] = true;
                path.push((target, 0));
            }
        }
        None
    }
}
