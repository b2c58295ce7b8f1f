//! The state of a simulator as text, to go on with another day.

use serde::{Deserialize, Serialize};

use crate::seed::Seed;
use crate::simulator::{Simulator, StartError};
use crate::state::World;
use crate::timing::Timing;

/// The layout of what is saved. Another number is refused.
const LAYOUT: u32 = 1;

/// What is written.
#[derive(Serialize)]
struct Writing<'a> {
    layout: u32,
    token_id: &'a str,
    token_secret: &'a str,
    ca_pem: &'a str,
    key_pem: &'a str,
    timing: Timing,
    world: &'a World,
}

/// A state that was read, to start from.
#[derive(Debug, Deserialize)]
pub struct Saved {
    layout: u32,
    pub(crate) token_id: String,
    pub(crate) token_secret: String,
    pub(crate) ca_pem: String,
    /// Of the node that presents its certificate.
    pub(crate) key_pem: String,
    pub(crate) timing: Timing,
    pub(crate) world: World,
}

impl Saved {
    /// Reads what [`Simulator::save`] wrote.
    pub fn read(text: &str) -> Result<Self, StartError> {
        let wrong = |reason: String| StartError::Seed(format!("saved state: {reason}"));
        let saved: Self = serde_json::from_str(text).map_err(|e| wrong(e.to_string()))?;
        if saved.layout != LAYOUT {
            return Err(wrong(format!(
                "layout {}, this version reads {LAYOUT}",
                saved.layout
            )));
        }
        Ok(saved)
    }
}

impl Simulator {
    /// The whole state as JSON: nodes, guests, storages, tasks, access, certificate and key. Requests, faults and marks
    /// are not part of it. A task that runs is found dead by who loads it, as after a crash of its host.
    #[must_use]
    pub fn save(&self) -> String {
        self.core.save()
    }

    /// Starts a simulator from a saved state; of the seed, only the addresses count.
    pub async fn load(mut saved: Saved, seed: &Seed) -> Result<Self, StartError> {
        saved.world.tasks.bury();
        saved.world.refresh_resources();
        Self::resume(saved, seed).await
    }
}

impl crate::simulator::Core {
    pub(crate) fn save(&self) -> String {
        let (ca_pem, key_pem) = self.certificate_pems();
        let (token_id, token_secret) = self.first_token();
        let timing = self.shared.timing();
        let world = self.world();
        let writing = Writing {
            layout: LAYOUT,
            token_id,
            token_secret,
            ca_pem,
            key_pem,
            timing,
            world: &world,
        };
        // Every map of the state has keys that JSON can write; a test saves all there is.
        serde_json::to_string(&writing).unwrap_or_default()
    }
}
