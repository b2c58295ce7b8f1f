//! How long things take. Realistic by default; every duration is a setting, and all are divided by one scale.

use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

/// Durations of tasks and lags, before [`Timing::time_scale`] divides them (but for the keep-alive). In JSON and YAML they are seconds.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timing {
    /// Divides the durations below: 10 makes everything ten times faster. Above zero.
    #[serde(deserialize_with = "scale")]
    pub time_scale: f64,
    /// A `qmcreate`, disks included.
    #[serde(with = "seconds")]
    pub create: Duration,
    /// A `qmstart` until the guest counts as running.
    #[serde(with = "seconds")]
    pub start: Duration,
    /// A `qmstop`.
    #[serde(with = "seconds")]
    pub stop: Duration,
    /// From the request to shut down until a guest that listens has done so.
    #[serde(with = "seconds")]
    pub shutdown: Duration,
    /// How long `qmshutdown` waits for a guest that doesn't listen, when no `timeout` is given.
    #[serde(with = "seconds")]
    pub shutdown_timeout: Duration,
    /// A `qmdestroy`.
    #[serde(with = "seconds")]
    pub destroy: Duration,
    /// Until the memory of a guest is saved.
    #[serde(with = "seconds")]
    pub save_state: Duration,
    /// How long a console waits for somebody to connect.
    #[serde(with = "seconds")]
    pub console: Duration,
    /// A `resize`.
    #[serde(with = "seconds")]
    pub resize: Duration,
    /// A `qmtemplate`, and the fixed part of a clone, full or linked.
    #[serde(with = "seconds")]
    pub clone_base: Duration,
    /// Bytes that a full clone copies in a second.
    pub clone_bandwidth: u64,
    /// A snapshot, its removal, a rollback, of a container.
    #[serde(with = "seconds")]
    pub snapshot: Duration,
    /// The fixed part of a backup and of a restore.
    #[serde(with = "seconds")]
    pub backup_base: Duration,
    /// Bytes that a backup, a restore, a download reads in a second.
    pub backup_bandwidth: u64,
    /// The fixed part of a `qmigrate`; what is copied takes as long as for a clone.
    #[serde(with = "seconds")]
    pub migrate: Duration,
    /// From the start of a guest until its agent answers.
    #[serde(with = "seconds")]
    pub agent_boot: Duration,
    /// How long an agent that is configured is asked whether it is there, before a shutdown.
    #[serde(with = "seconds")]
    pub agent_ping: Duration,
    /// How old the figures of `/cluster/resources` may get.
    #[serde(with = "seconds")]
    pub resources_refresh: Duration,
    /// How late a 401 is answered.
    #[serde(with = "seconds")]
    pub unauthorized_delay: Duration,
    /// How long a call waits for the lock of a file that the whole cluster shares, when there is no quorum.
    #[serde(with = "seconds")]
    pub config_lock: Duration,
    /// How long a node waits for another one that doesn't answer.
    #[serde(with = "seconds")]
    pub proxy_timeout: Duration,
    /// How often the HA stack looks at what it cares for, and carries out orders.
    #[serde(with = "seconds")]
    pub ha_reaction: Duration,
    /// From the loss of a node until the HA stack starts its guests elsewhere.
    #[serde(with = "seconds")]
    pub ha_fencing: Duration,
    /// How long a ticket holds.
    #[serde(with = "seconds")]
    pub ticket_lifetime: Duration,
    /// How long a call waits for the lock file of a guest.
    #[serde(with = "seconds")]
    pub lock_timeout: Duration,
    /// After how long without a request a connection is closed. Not divided by the scale: it is the client's clock that
    /// has to fit, and that runs as ever.
    #[serde(with = "seconds")]
    pub keep_alive: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            time_scale: 1.0,
            create: Duration::from_secs(1),
            start: Duration::from_secs(1),
            stop: Duration::from_secs(1),
            shutdown: Duration::from_secs(3),
            shutdown_timeout: Duration::from_mins(1),
            destroy: Duration::from_secs(1),
            save_state: Duration::from_secs(2),
            console: Duration::from_secs(10),
            resize: Duration::from_millis(500),
            clone_base: Duration::from_secs(1),
            clone_bandwidth: 500 * 1024 * 1024,
            migrate: Duration::from_secs(2),
            snapshot: Duration::from_secs(1),
            backup_base: Duration::from_secs(2),
            backup_bandwidth: 200 * 1024 * 1024,
            agent_boot: Duration::from_secs(5),
            agent_ping: Duration::from_secs(3),
            resources_refresh: Duration::from_secs(10),
            unauthorized_delay: Duration::from_secs(3),
            ticket_lifetime: Duration::from_hours(2),
            config_lock: Duration::from_millis(9900),
            proxy_timeout: Duration::from_secs(30),
            ha_reaction: Duration::from_secs(10),
            ha_fencing: Duration::from_mins(2),
            lock_timeout: Duration::from_secs(10),
            keep_alive: Duration::from_secs(5),
        }
    }
}

impl Timing {
    /// Everything at once, for tests that ask about outcomes and not about lags. The keep-alive stays.
    #[must_use]
    pub fn instant() -> Self {
        let tick = Duration::from_millis(1);
        Self {
            create: tick,
            start: tick,
            stop: tick,
            shutdown: tick,
            shutdown_timeout: Duration::from_millis(100),
            destroy: tick,
            save_state: tick,
            console: tick,
            resize: tick,
            clone_base: tick,
            clone_bandwidth: u64::MAX,
            migrate: tick,
            snapshot: tick,
            backup_base: tick,
            backup_bandwidth: u64::MAX,
            agent_boot: tick,
            agent_ping: tick,
            resources_refresh: Duration::from_millis(20),
            unauthorized_delay: tick,
            config_lock: tick,
            proxy_timeout: tick,
            ha_reaction: Duration::from_millis(5),
            lock_timeout: Duration::from_millis(100),
            ..Self::default()
        }
    }

    /// The defaults, `scale` times faster.
    #[must_use]
    pub fn scaled(scale: f64) -> Self {
        Self {
            time_scale: scale,
            ..Self::default()
        }
    }

    /// `duration` as it passes on the real clock: a day at most. A scale that isn't above zero counts as 1.
    #[must_use]
    pub fn real(&self, duration: Duration) -> Duration {
        let scale = if is_scale(self.time_scale) {
            self.time_scale
        } else {
            1.0
        };
        capped(duration.as_secs_f64() / scale)
    }

    /// How long a full clone of `bytes` takes.
    #[must_use]
    pub fn full_clone(&self, bytes: u64) -> Duration {
        self.clone_base
            .saturating_add(copying(bytes, self.clone_bandwidth))
    }

    /// How long a backup or a restore of so many bytes takes, before scaling.
    #[must_use]
    pub fn backup(&self, bytes: u64) -> Duration {
        self.backup_base
            .saturating_add(copying(bytes, self.backup_bandwidth))
    }

    /// How long a shutdown waits that was given a time-out of so many seconds: as much shorter than that as the
    /// time-out that is waited without one is than Proxmox's 60 s.
    #[must_use]
    pub fn shutdown_limit(&self, seconds: u64) -> Duration {
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
        self.shutdown_timeout.saturating_mul(seconds) / 60
    }
}

#[allow(clippy::cast_precision_loss, reason = "sizes in seconds need no more")]
fn copying(bytes: u64, bandwidth: u64) -> Duration {
    capped(bytes as f64 / bandwidth.max(1) as f64)
}

/// The longest that anything takes, whatever the scale.
const LONGEST: Duration = Duration::from_hours(24);

/// So many seconds, and [`LONGEST`] for more than that.
pub(crate) fn capped(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).map_or(LONGEST, |duration| duration.min(LONGEST))
}

/// Whether durations can be divided by it.
pub(crate) fn is_scale(scale: f64) -> bool {
    scale.is_finite() && scale > 0.0
}

fn scale<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let scale = f64::deserialize(from)?;
    if is_scale(scale) {
        Ok(scale)
    } else {
        let text = format!("time_scale is a number above zero, not {scale}");
        Err(D::Error::custom(text))
    }
}

/// Durations written as a number of seconds.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(super) fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(value.as_secs_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(from)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_scale_makes_anything_longer_than_a_day() {
        let crawling = Timing::scaled(1e-30);
        assert_eq!(crawling.real(crawling.create), LONGEST);
        assert_eq!(Timing::scaled(1e30).real(LONGEST), Duration::ZERO);
    }

    #[test]
    fn no_bandwidth_makes_a_copy_longer_than_that_either() {
        let mut timing = Timing::default();
        (timing.clone_bandwidth, timing.backup_bandwidth) = (0, 0);
        (timing.clone_base, timing.backup_base) = (Duration::MAX, Duration::ZERO);
        assert_eq!(timing.full_clone(u64::MAX), Duration::MAX);
        assert_eq!(timing.backup(u64::MAX), LONGEST);
    }

    #[test]
    fn a_scale_that_is_not_above_zero_is_refused() {
        for scale in ["0", "-1", ".inf", ".nan"] {
            let error = serde_yaml::from_str::<Timing>(&format!("time_scale: {scale}")).unwrap_err();
            assert!(
                error.to_string().contains("a number above zero"),
                "{scale}: {error}"
            );
        }
    }
}
