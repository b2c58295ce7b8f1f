//! `/access/users/{userid}/token`: API tokens (`PVE::API2::User`).

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::super::{Call, Endpoint, Run};
use super::change;
use super::permit::SELF_OR_MODIFY;
use crate::release::Release;
use crate::state::{Token, User};
use crate::verify::cluster::OPTIONS;
use crate::verify::{Kind, Param, TEXT, at_least, may};
use crate::wire::{ApiError, ApiResult, Reply};

const ABOUT: &[Param] = &[
    may("comment", TEXT),
    may("expire", at_least(0)),
    may("privsep", Kind::Boolean),
];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::get(
        "/access/users/{userid}/token",
        SELF_OR_MODIFY,
        &[],
        Run::Now(list),
    ),
    Endpoint::get(
        "/access/users/{userid}/token/{tokenid}",
        SELF_OR_MODIFY,
        &[],
        Run::Now(show),
    ),
    Endpoint::post(
        "/access/users/{userid}/token/{tokenid}",
        SELF_OR_MODIFY,
        &[ABOUT],
        Run::Later(|call| Box::pin(create(call))),
    ),
    Endpoint::put(
        "/access/users/{userid}/token/{tokenid}",
        SELF_OR_MODIFY,
        &[
            ABOUT,
            &[
                may("delete", OPTIONS).from(Release::V9_2),
                may("regenerate", Kind::Boolean).from(Release::V9_2),
            ],
        ],
        Run::Later(|call| Box::pin(update(call))),
    ),
    Endpoint::delete(
        "/access/users/{userid}/token/{tokenid}",
        SELF_OR_MODIFY,
        &[],
        Run::Later(|call| Box::pin(delete(call))),
    ),
];

/// What is shown of a token: never its secret.
fn shown(token: &Token) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert("expire".to_owned(), json!(token.expire));
    row.insert("privsep".to_owned(), json!(u8::from(token.privsep)));
    if let Some(comment) = &token.comment {
        row.insert("comment".to_owned(), json!(comment));
    }
    row
}

/// A user's tokens as a list; null when there are none.
pub(super) fn rows(user: &User) -> Value {
    let rows = user.tokens.iter().map(|(name, token)| {
        let mut row = shown(token);
        row.insert("tokenid".to_owned(), json!(name));
        Value::Object(row)
    });
    let rows: Vec<Value> = rows.collect();
    if rows.is_empty() { Value::Null } else { json!(rows) }
}

/// A user's tokens by name; null when there are none.
pub(super) fn by_name(user: &User) -> Value {
    let tokens = user
        .tokens
        .iter()
        .map(|(name, token)| (name.clone(), Value::Object(shown(token))));
    let tokens: Map<String, Value> = tokens.collect();
    if tokens.is_empty() {
        Value::Null
    } else {
        Value::Object(tokens)
    }
}

fn names(call: &Call) -> (String, String) {
    let text = |name: &str| call.text(name).unwrap_or("").to_owned();
    (text("userid"), text("tokenid"))
}

fn list(call: &Call) -> ApiResult {
    let world = call.world();
    let (user, _) = names(call);
    let rows = rows(world.access.user(&user)?);
    Ok(Reply::data(if rows.is_null() { json!([]) } else { rows }))
}

fn show(call: &Call) -> ApiResult {
    let world = call.world();
    let (user, name) = names(call);
    Ok(Reply::data(shown(world.access.token(&user, &name)?)))
}

async fn create(call: Call) -> ApiResult {
    let (user, name) = names(&call);
    if call.world().access.user(&user)?.tokens.contains_key(&name) {
        return Err(ApiError::parameter("tokenid", "Token already exists."));
    }
    let token = Token {
        expire: call.number("expire").unwrap_or(0),
        comment: call.text("comment").filter(|c| !c.is_empty()).map(str::to_owned),
        ..Token::new(call.text("privsep") != Some("0"))
    };
    let secret = token.secret.clone();
    change(&call, "generating token failed", |world| {
        let tokens = &mut world.access.user_mut(&user)?.tokens;
        tokens.insert(name.clone(), token);
        Ok(())
    })
    .await?;
    // What was given comes back as the text that it came as.
    let given = ["comment", "expire", "privsep"].map(|key| Some((key.to_owned(), json!(call.text(key)?))));
    let mut info: Map<String, Value> = given.into_iter().flatten().collect();
    info.entry("privsep").or_insert(json!(1));
    Ok(Reply::data(json!({
        "full-tokenid": format!("{user}!{name}"),
        "value": secret,
        "info": info,
    })))
}

async fn update(call: Call) -> ApiResult {
    let (user, name) = names(&call);
    call.world().access.token(&user, &name)?;
    change(&call, "updating token info failed", |world| {
        let token = world.access.token_mut(&user, &name)?;
        if let Some(privsep) = call.text("privsep") {
            token.privsep = privsep == "1";
        }
        if let Some(expire) = call.number("expire") {
            token.expire = expire;
        }
        if let Some(comment) = call.text("comment").filter(|c| !c.is_empty()) {
            token.comment = Some(comment.to_owned());
        }
        for option in call.list("delete") {
            match option.as_str() {
                "comment" => token.comment = None,
                "expire" => token.expire = 0,
                "privsep" => token.privsep = true,
                _ => return Err(format!("unknown option '{option}'")),
            }
        }
        if call.flag("regenerate") {
            token.secret = Uuid::new_v4().to_string();
        }
        Ok(())
    })
    .await?;
    let world = call.world();
    let token = world.access.token(&user, &name)?;
    let mut row = shown(token);
    if call.flag("regenerate") {
        row.insert("full-tokenid".to_owned(), json!(format!("{user}!{name}")));
        row.insert("value".to_owned(), json!(token.secret));
    }
    Ok(Reply::data(row))
}

async fn delete(call: Call) -> ApiResult {
    let (user, name) = names(&call);
    call.world().access.token(&user, &name)?;
    change(&call, "deleting token failed", |world| {
        world.access.token(&user, &name)?;
        world.access.remove_token(&user, &name);
        Ok(())
    })
    .await
}
