//! `/access/ticket`: logging in (`PVE::API2::AccessControl`).

use serde_json::{Map, json};

use super::super::{Allow, Call, Endpoint, Run};
use crate::release::Release;
use crate::state::{Attempt, Login, World, normal_path};
use crate::verify::access::{REALM, SHORT_PRIVILEGES_7, SHORT_PRIVILEGES_8, SHORT_PRIVILEGES_9};
use crate::verify::{Kind, TEXT, may, need};
use crate::wire::{ApiError, ApiResult, Reply};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get("/access/ticket", Allow::World, &[], Run::Show(|_| Reply::null())),
    Endpoint::post(
        "/access/ticket",
        Allow::World,
        &[&[
            may("new-format", Kind::Boolean),
            may("otp", TEXT),
            need("password", TEXT),
            may("path", Kind::Text(64)).requires("privs"),
            may("privs", SHORT_PRIVILEGES_7)
                .until(Release::V7_4)
                .requires("path"),
            may("privs", SHORT_PRIVILEGES_8)
                .from(Release::V8_4)
                .until(Release::V8_4)
                .requires("path"),
            may("privs", SHORT_PRIVILEGES_9)
                .from(Release::V9_2)
                .requires("path"),
            may("realm", REALM),
            may("tfa-challenge", TEXT),
            need("username", Kind::Text(64)),
        ]],
        Run::Later(|call| Box::pin(log_in(call))),
    )
    .ticket_only(),
];

/// Nobody learns what was wrong, and nobody learns it soon.
async fn log_in(call: Call) -> ApiResult {
    if let Some(reply) = answer(&call) {
        return Ok(reply);
    }
    call.sim.pause(|t| t.unauthorized_delay).await;
    Err(ApiError::new(401, "authentication failure"))
}

fn answer(call: &Call) -> Option<Reply> {
    let world = call.world();
    let access = &world.access;
    let name = call.text("username").unwrap_or("");
    let user = match call.text("realm") {
        Some(realm) => format!("{name}@{realm}"),
        None => name.to_owned(),
    };
    let timing = call.sim.timing();
    let attempt = Attempt {
        user: &user,
        password: call.text("password").unwrap_or(""),
        challenge: call.text("tfa-challenge"),
        lifetime: timing.real(timing.ticket_lifetime),
    };
    let login = access.log_in(attempt).ok()?;
    let mut data = Map::new();
    data.insert("username".to_owned(), json!(user));
    if call.text("path").is_some() {
        // Only asked whether he may: no ticket.
        if login != Login::Complete || !may_all(&world, call, &user) {
            return None;
        }
    } else {
        let ticket = match login {
            Login::Complete => access.ticket(&user),
            Login::NeedsCode => access.challenge(&user),
        };
        data.insert("ticket".to_owned(), json!(ticket));
        data.insert("CSRFPreventionToken".to_owned(), json!(access.csrf_token(&user)));
    }
    match login {
        Login::Complete => data.insert("cap".to_owned(), json!(access.capabilities(&user))),
        Login::NeedsCode => data.insert("NeedTFA".to_owned(), json!(1)),
    };
    let audits = world.access.held(&user, "/").listed().contains_key("Sys.Audit");
    if world.nodes.len() > 1 && audits {
        data.insert("clustername".to_owned(), json!(world.cluster_name));
    }
    Some(Reply::data(data))
}

/// Whether a user has all privileges that are asked about.
fn may_all(world: &World, call: &Call, user: &str) -> bool {
    let Some(path) = call.text("path").and_then(normal_path) else {
        return false;
    };
    let held = world.access.held(user, &path).listed();
    let asked = call.list("privs");
    !asked.is_empty() && asked.iter().all(|name| held.contains_key(name.as_str()))
}
