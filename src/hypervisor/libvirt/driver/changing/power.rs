//! Starting, stopping and what lies between.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;
use virt::connect::Connect;
use virt::domain::Domain;
use virt::sys;

use super::changer::{CHANGE_DEADLINE, Changer, LONG_DEADLINE, inactive, mark_of, marked, refused, uuid_of};
use super::tasks::Tasks;
use crate::hypervisor::libvirt::link::Trouble;
use crate::hypervisor::{Error, Refusal, StopMode};
use crate::model::Progress;
use crate::plan::identity::Ownership;

/// How often a guest that shuts down is looked at.
const LOOK: Duration = Duration::from_millis(500);

impl Changer {
    pub(in super::super) async fn start(&self, tasks: &Tasks, own: &Ownership) -> Result<Progress, Error> {
        let operation = "start";
        let uuid = uuid_of(operation, own.address().id)?;
        let task = tasks.announce(operation, "qmstart", uuid)?;
        let begin = move |conn: &Connect| {
            let domain = conn.lookup_domain_by_uuid(uuid)?;
            if domain.has_managed_save(0)? {
                return Ok(Some(mark_of(operation, &inactive(&domain)?)?));
            }
            domain.create()?;
            Ok(None)
        };
        let saved = self.change(CHANGE_DEADLINE, operation, Some(own), begin).await?;
        let Some(mark) = saved else {
            return Ok(Progress::Done);
        };
        // Its memory is read from the disk.
        let changer = self.clone();
        Ok(task.run(async move {
            let go_on = move |conn: &Connect| {
                marked(conn, operation, uuid, &mark)?.0.create()?;
                Ok(())
            };
            changer.change(LONG_DEADLINE, operation, None, go_on).await
        }))
    }

    pub(in super::super) async fn pause(&self, tasks: &Tasks, own: &Ownership) -> Result<Progress, Error> {
        self.at_once(tasks, "pause", own, |domain| Ok(domain.suspend()?))
            .await
    }

    pub(in super::super) async fn resume(&self, tasks: &Tasks, own: &Ownership) -> Result<Progress, Error> {
        self.at_once(tasks, "resume", own, |domain| Ok(domain.resume()?))
            .await
    }

    async fn at_once(
        &self,
        tasks: &Tasks,
        operation: &'static str,
        own: &Ownership,
        change: impl FnOnce(&Domain) -> Result<(), Trouble> + Send + 'static,
    ) -> Result<Progress, Error> {
        let uuid = uuid_of(operation, own.address().id)?;
        tasks.idle(operation, uuid)?;
        let call = move |conn: &Connect| change(&conn.lookup_domain_by_uuid(uuid)?);
        self.change(CHANGE_DEADLINE, operation, Some(own), call).await?;
        Ok(Progress::Done)
    }

    pub(in super::super) async fn suspend(&self, tasks: &Tasks, own: &Ownership) -> Result<Progress, Error> {
        let operation = "suspend";
        let uuid = uuid_of(operation, own.address().id)?;
        let task = tasks.announce(operation, "qmsuspend", uuid)?;
        let mark = self.running(operation, uuid, own).await?;
        let (changer, turns) = (self.clone(), tasks.turns());
        Ok(task.run(async move {
            let _turn = turns.acquire_owned().await;
            let save = move |conn: &Connect| {
                marked(conn, operation, uuid, &mark)?.0.managed_save(0)?;
                Ok(())
            };
            changer.change(LONG_DEADLINE, operation, None, save).await
        }))
    }

    /// The mark of a domain that runs and is its owner's.
    async fn running(&self, operation: &'static str, uuid: Uuid, own: &Ownership) -> Result<String, Error> {
        let look = move |conn: &Connect| {
            let domain = conn.lookup_domain_by_uuid(uuid)?;
            if !domain.is_active()? {
                let message = "the domain is not running";
                return Err(refused(operation, Refusal::GuestNotRunning, message));
            }
            mark_of(operation, &inactive(&domain)?)
        };
        self.change(CHANGE_DEADLINE, operation, Some(own), look).await
    }

    pub(in super::super) async fn reboot(
        &self,
        tasks: &Tasks,
        own: &Ownership,
        grace_seconds: u32,
    ) -> Result<Progress, Error> {
        let operation = "reboot";
        let uuid = uuid_of(operation, own.address().id)?;
        let task = tasks.announce(operation, "qmreboot", uuid)?;
        let mark = self.ask_to_shut_down(operation, uuid, own).await?;
        let changer = self.clone();
        Ok(task.run(async move {
            if !changer.is_off_within(operation, uuid, grace_seconds).await? {
                return Err(still_up(operation, grace_seconds));
            }
            let start = move |conn: &Connect| {
                let (domain, _) = marked(conn, operation, uuid, &mark)?;
                if !domain.is_active()? {
                    domain.create()?;
                }
                Ok(())
            };
            changer.change(LONG_DEADLINE, operation, None, start).await
        }))
    }

    pub(in super::super) async fn stop(
        &self,
        tasks: &Tasks,
        own: &Ownership,
        mode: StopMode,
    ) -> Result<Progress, Error> {
        let operation = "stop";
        let uuid = uuid_of(operation, own.address().id)?;
        let StopMode::Graceful { grace_seconds, force } = mode else {
            // Also while a task waits for it to shut down.
            let hard = move |conn: &Connect| power_off(&conn.lookup_domain_by_uuid(uuid)?);
            self.change(CHANGE_DEADLINE, operation, Some(own), hard).await?;
            return Ok(Progress::Done);
        };
        let task = tasks.announce(operation, "qmshutdown", uuid)?;
        let mark = self.ask_to_shut_down(operation, uuid, own).await?;
        let changer = self.clone();
        Ok(task.run(async move {
            if changer.is_off_within(operation, uuid, grace_seconds).await? {
                return Ok(());
            }
            if !force {
                return Err(still_up(operation, grace_seconds));
            }
            let hard = move |conn: &Connect| {
                let (domain, _) = marked(conn, operation, uuid, &mark)?;
                if domain.is_active()? {
                    power_off(&domain)?;
                }
                Ok(())
            };
            changer.change(CHANGE_DEADLINE, operation, None, hard).await
        }))
    }

    /// Asks by the agent where there is one, else by the power button. Returns the mark.
    async fn ask_to_shut_down(
        &self,
        operation: &'static str,
        uuid: Uuid,
        own: &Ownership,
    ) -> Result<String, Error> {
        let ask = move |conn: &Connect| {
            let domain = conn.lookup_domain_by_uuid(uuid)?;
            let mark = mark_of(operation, &inactive(&domain)?)?;
            domain.shutdown()?;
            Ok(mark)
        };
        self.change(CHANGE_DEADLINE, operation, Some(own), ask).await
    }

    /// Whether a domain is off within so many seconds.
    async fn is_off_within(&self, operation: &str, uuid: Uuid, seconds: u32) -> Result<bool, Error> {
        let end = Instant::now() + Duration::from_secs(seconds.into());
        loop {
            let look = move |conn: &Connect| Ok(conn.lookup_domain_by_uuid(uuid)?.is_active()?);
            if !self.link.run(operation, look).await? {
                return Ok(true);
            }
            let now = Instant::now();
            if now >= end {
                return Ok(false);
            }
            tokio::time::sleep(LOOK.min(end - now)).await;
        }
    }
}

fn still_up(operation: &str, seconds: u32) -> Error {
    let message = format!("the machine did not shut down within {seconds} s");
    Error::Refused {
        operation: operation.to_owned(),
        status: 500,
        message,
        parameters: std::collections::BTreeMap::new(),
        refusal: Refusal::Other,
    }
}

/// The process is asked first, so that it writes what it holds, then ended.
fn power_off(domain: &Domain) -> Result<(), Trouble> {
    if domain.destroy_flags(sys::VIR_DOMAIN_DESTROY_GRACEFUL).is_err() && domain.is_active()? {
        domain.destroy()?;
    }
    Ok(())
}
