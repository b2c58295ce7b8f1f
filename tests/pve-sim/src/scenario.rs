//! A story that runs by itself: steps that wait for a time or for a request, and then let things happen or go wrong.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::fault::Fault;
use crate::happening::{HappenError, Happening};
use crate::hold::{Hold, Mark};
use crate::matcher::Matcher;
use crate::shared::locked;
use crate::simulator::{Core, Simulator};

/// Steps, one after the other. Read from YAML or JSON.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it is about, for people.
    #[serde(default)]
    pub name: String,
    /// In their order; the next one begins when the one before is done. A request that a step waited for goes on when
    /// the next step waits for its own, or for its time.
    pub steps: Vec<Step>,
}

/// One step: first it waits, then it acts.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Step {
    /// Seconds to wait first, divided by the time scale.
    pub after: Option<f64>,
    /// A request to wait for; it stands at its mark while this step acts.
    pub when: Option<When>,
    /// What happens then, in this order.
    pub happen: Vec<Happening>,
    /// What goes wrong from then on.
    pub faults: Vec<Fault>,
    /// Whether the faults of before end first.
    pub clear_faults: bool,
}

/// A request at a mark.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// `GET`, `POST`, `PUT`, `DELETE` or `*`.
    #[serde(default = "any_method")]
    pub method: String,
    /// A pattern of the path, as in [`Matcher`].
    pub path: String,
    /// Where it stands.
    pub mark: Mark,
    /// How many such requests pass first.
    #[serde(default)]
    pub skip: u64,
}

fn any_method() -> String {
    "*".to_owned()
}

/// Why a scenario can't be read.
#[derive(Debug, thiserror::Error)]
#[error("scenario: {0}")]
pub struct ScenarioError(String);

impl Scenario {
    /// Reads YAML, of which JSON is a part.
    pub fn read(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = serde_yaml::from_str(text).map_err(|e| ScenarioError(e.to_string()))?;
        for (at, step) in scenario.steps.iter().enumerate() {
            let waits = step
                .after
                .is_some_and(|seconds| !(seconds.is_finite() && seconds >= 0.0));
            if waits {
                return Err(ScenarioError(format!(
                    "step {}: `after` is a number of seconds",
                    at + 1
                )));
            }
            if step.happen.is_empty() && step.faults.is_empty() && !step.clear_faults {
                let text = format!(
                    "step {}: nothing happens: give `happen`, `faults` or `clear_faults`",
                    at + 1
                );
                return Err(ScenarioError(text));
            }
        }
        Ok(scenario)
    }
}

/// A scenario that runs, or has run.
#[derive(Clone, Debug)]
pub struct Playing {
    progress: Arc<Progress>,
}

#[derive(Debug)]
struct Progress {
    name: String,
    steps: usize,
    done: AtomicUsize,
    /// How it ended.
    end: watch::Sender<Option<Result<(), String>>>,
}

impl Playing {
    /// How many steps are done.
    #[must_use]
    pub fn done(&self) -> usize {
        self.progress.done.load(Ordering::Acquire)
    }

    /// Waits for the end; the error says which step could not be carried out.
    pub async fn finished(&self) -> Result<(), String> {
        let mut end = self.progress.end.subscribe();
        match end.wait_for(Option::is_some).await {
            Ok(end) => end.clone().unwrap_or(Ok(())),
            Err(_) => Err("the simulator ended".to_owned()),
        }
    }

    pub(crate) fn view(&self) -> serde_json::Value {
        let end = self.progress.end.borrow().clone();
        serde_json::json!({
            "name": self.progress.name,
            "steps": self.progress.steps,
            "done": self.done(),
            "finished": end.is_some(),
            "error": end.and_then(Result::err),
        })
    }
}

/// The scenarios of a simulator, in the order of their start.
#[derive(Debug, Default)]
pub(crate) struct Scenarios {
    list: Mutex<Vec<Playing>>,
}

impl Scenarios {
    pub(crate) fn list(&self) -> Vec<Playing> {
        locked(&self.list).clone()
    }
}

impl Simulator {
    /// Plays a scenario beside all else.
    #[must_use]
    pub fn play(&self, scenario: Scenario) -> Playing {
        self.core.play(scenario).1
    }
}

impl Core {
    /// Its number, from 1 on, and the handle.
    pub(crate) fn play(self: &Arc<Self>, scenario: Scenario) -> (usize, Playing) {
        let progress = Arc::new(Progress {
            name: scenario.name.clone(),
            steps: scenario.steps.len(),
            done: AtomicUsize::new(0),
            end: watch::Sender::new(None),
        });
        let playing = Playing {
            progress: Arc::clone(&progress),
        };
        let number = {
            let mut list = locked(&self.shared.scenarios.list);
            list.push(playing.clone());
            list.len()
        };
        let core = Arc::downgrade(self);
        self.shared.spawn(async move {
            let mut end = Ok(());
            let mut standing = None;
            for (at, step) in scenario.steps.into_iter().enumerate() {
                let Some(core) = core.upgrade() else { return };
                if let Err(error) = core.step(step, &mut standing).await {
                    end = Err(format!("step {}: {error}", at + 1));
                    core.shared.events.tell(format!("scenario ends: {error}"));
                    break;
                }
                progress.done.fetch_add(1, Ordering::AcqRel);
            }
            progress.end.send_replace(Some(end));
        });
        (number, playing)
    }

    /// `standing` is the request of the step before: it goes on when this step waits for the next one, so that no mark of
    /// it is missed.
    async fn step(self: &Arc<Self>, step: Step, standing: &mut Option<Hold>) -> Result<(), HappenError> {
        if let Some(seconds) = step.after {
            standing.take();
            let pause = crate::timing::capped(seconds);
            self.shared.pause(|_| pause).await;
        }
        let next = step.when.map(|when| Hold {
            order: self
                .shared
                .holds
                .add(Matcher::new(when.method, when.path), when.mark, when.skip),
        });
        standing.take();
        if let Some(hold) = &next {
            hold.reached().await;
        }
        if step.clear_faults {
            self.shared.faults.clear_all();
        }
        for fault in step.faults {
            self.shared.faults.add(fault);
        }
        for happening in step.happen {
            self.happen(happening).await?;
        }
        *standing = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_is_yaml() {
        let text = "
name: a clone whose answer is lost, on a node that then goes away
steps:
  - when: {method: POST, path: '/nodes/*/qemu/*/clone', mark: before-act}
    faults: [{fault: lost-answer, method: POST, path: '/nodes/*/qemu/*/clone', times: 1}]
  - after: 5
    happen:
      - {happen: node, node: pve2, online: false}
      - {happen: recycle, vmid: 105}
  - after: 30
    clear_faults: true
    happen: [{happen: node, node: pve2, online: true}]
";
        let scenario = Scenario::read(text).unwrap();
        assert_eq!(scenario.steps.len(), 3);
        assert_eq!(scenario.steps[1].happen.len(), 2);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let error = |text: &str| Scenario::read(text).unwrap_err().to_string();
        assert!(error("steps: [{after: 1}]").contains("step 1: nothing happens"));
        assert!(error("steps: [{after: -1, clear_faults: true}]").contains("number of seconds"));
        assert!(error("steps: [{happen: [{happen: explode}]}]").contains("explode"));
    }
}
