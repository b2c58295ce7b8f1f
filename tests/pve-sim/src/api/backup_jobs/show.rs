//! Jobs, listed and one by one.

use serde_json::json;

use super::super::{Call, Endpoint, Run};
use super::AUDIT;
use super::options::shown;
use crate::clock;
use crate::state::CalendarEvent;
use crate::wire::{ApiError, ApiResult, Reply};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/cluster/backup", AUDIT, &[], Run::Show(list)),
    Endpoint::get("/cluster/backup/{id}", AUDIT, &[], Run::Now(show)),
];

/// The next run is given for jobs that are switched off too.
fn list(call: &Call) -> Reply {
    let world = call.world();
    let rows = world.backup_jobs.iter().map(|(id, job)| {
        let mut row = shown(call.release(), id, job);
        let event = job.option("schedule").and_then(CalendarEvent::parse);
        if let Some(next) = event.and_then(|event| event.next(clock::now())) {
            row.insert("next-run".to_owned(), json!(next));
        }
        row
    });
    Reply::data(rows.collect::<Vec<_>>())
}

fn show(call: &Call) -> ApiResult {
    let world = call.world();
    let id = call.text("id").unwrap_or("");
    let job = world.backup_jobs.get(id);
    let job = job.ok_or_else(|| ApiError::parameter("id", format!("No such job '{id}'")))?;
    Ok(Reply::data(shown(call.release(), id, job)))
}
