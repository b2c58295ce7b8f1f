//! Orders about tokens. The id stands in the body, because it has characters that a path would need to escape.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Outcome, Refusal};
use crate::happening::Happening;
use crate::seed::{Rights, SeedToken};
use crate::simulator::Core;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeOrder {
    id: String,
    #[serde(default)]
    secret: Option<String>,
    #[serde(default)]
    rights: NewRights,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RemovalOrder {
    id: String,
}

/// What a token is to be allowed.
#[derive(Default)]
enum NewRights {
    /// The order doesn't say.
    #[default]
    AsTheyAre,
    /// `null`: all that the user may. A list: just that.
    Set(Option<Vec<Rights>>),
}

impl<'de> Deserialize<'de> for NewRights {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Option::deserialize(from).map(Self::Set)
    }
}

pub(super) fn carry_out(core: &Core, method: &str, body: &Value) -> Outcome {
    match method {
        "POST" => {
            let token = SeedToken::deserialize(body)?;
            core.happen_now(Happening::Grant { token })?;
        }
        "PUT" => {
            let order = ChangeOrder::deserialize(body)?;
            if order.secret.is_none() && matches!(order.rights, NewRights::AsTheyAre) {
                return Err(Refusal::Bad("give `secret` or `rights`".to_owned()));
            }
            if let Some(secret) = order.secret {
                let token = order.id.clone();
                core.happen_now(Happening::Secret { token, secret })?;
            }
            if let NewRights::Set(rights) = order.rights {
                let token = order.id;
                core.happen_now(Happening::Rights { token, rights })?;
            }
        }
        "DELETE" => {
            let token = RemovalOrder::deserialize(body)?.id;
            core.happen_now(Happening::Revoke { token })?;
        }
        _ => return Err(Refusal::Unknown),
    }
    Ok(json!({}))
}
