//! Runs jobs when they are due, as `pvescheduler` does on each node (`PVE::Jobs`, `PVE::Jobs::VZDump`): a job is an order
//! to back up, given on every node as root, and each node sees to the guests that it has.

use std::sync::Arc;
use std::time::Duration;

use super::super::Call;
use super::super::vzdump::order;
use crate::clock;
use crate::release::Release;
use crate::shared::Shared;
use crate::state::{BackupJob, CalendarEvent, Caller, World};

/// What a job has and an order hasn't.
const OF_JOBS: &[&str] = &["comment", "enabled", "node", "repeat-missed", "schedule"];

/// The wall clock may be set, so it is read anew after this time at the latest.
const PATIENCE: Duration = Duration::from_mins(1);

/// A job, its schedule, and when that comes next.
type Due = (String, String, i64);

/// Runs jobs until the simulator ends.
pub(crate) async fn run_jobs(sim: Arc<Shared>) {
    run_missed(&sim);
    loop {
        let due = plan(&mut sim.world(), clock::now());
        let Some(first) = due.iter().map(|(_, _, at)| *at).min() else {
            sim.jobs_changed.notified().await;
            continue;
        };
        let left = u64::try_from(first - clock::now()).unwrap_or(0);
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(left).min(PATIENCE)) => {}
            () = sim.jobs_changed.notified() => {}
        }
        let now = clock::now();
        for (id, schedule, _) in due.iter().filter(|(_, _, at)| *at <= now) {
            let job = sim.world().backup_jobs.get(id).cloned();
            // A job that has been changed meanwhile is planned anew.
            if let Some(job) = job.filter(|job| job.option("schedule") == Some(schedule)) {
                run(&sim, id, &job);
            }
        }
    }
}

/// Runs what was due while the state lay saved, of the jobs that want it.
fn run_missed(sim: &Arc<Shared>) {
    let now = clock::now();
    let missed: Vec<(String, BackupJob)> = {
        let world = sim.world();
        let Some(since) = world.jobs_planned else { return };
        let repeating = world
            .backup_jobs
            .iter()
            .filter(|(_, job)| job.flag("repeat-missed"));
        let missed = repeating.filter(|(_, job)| next(job, since).is_some_and(|at| at <= now));
        missed.map(|(id, job)| (id.clone(), job.clone())).collect()
    };
    for (id, job) in missed {
        run(sim, &id, &job);
    }
}

/// What comes next of each job that is enabled, after a moment.
fn plan(world: &mut World, after: i64) -> Vec<Due> {
    world.jobs_planned = Some(after);
    let jobs = world.backup_jobs.iter();
    let due = jobs.filter_map(|(id, job)| {
        let schedule = job.option("schedule")?.to_owned();
        Some((id.clone(), schedule, next(job, after)?))
    });
    due.collect()
}

fn next(job: &BackupJob, after: i64) -> Option<i64> {
    let enabled = job.option("enabled") != Some("0");
    let event = CalendarEvent::parse(job.option("schedule")?).filter(|_| enabled);
    event?.next(after)
}

/// Gives the job's order on its node, or on all that are up.
pub(crate) fn run(sim: &Arc<Shared>, id: &str, job: &BackupJob) {
    let nodes: Vec<String> = {
        let world = sim.world();
        let own = |name: &str| job.option("node").is_none_or(|node| node == name);
        let up = world.nodes.iter().filter(|node| node.online && own(&node.name));
        up.map(|node| node.name.clone()).collect()
    };
    for node in nodes {
        let options = job
            .options
            .iter()
            .filter(|(name, _)| !OF_JOBS.contains(&name.as_str()));
        let mut params: crate::verify::Params = options.map(|(k, v)| (k.clone(), v.clone())).collect();
        params.insert("quiet".to_owned(), "1".to_owned());
        if sim.release >= Release::V8_4 {
            params.insert("job-id".to_owned(), id.to_owned());
        }
        let path = format!("/nodes/{node}/vzdump");
        params.insert("node".to_owned(), node);
        let call = Call {
            sim: Arc::clone(sim),
            caller: Caller("root@pam".to_owned()),
            method: "POST".to_owned(),
            path,
            params,
        };
        if let Err(error) = order(&call) {
            sim.events
                .tell(format!("backup job {id} fails: {}", error.sentence()));
        }
    }
}
