//! What a request brings to prove who it is from: the cookie, the header `Authorization`, the token against forgery.

use http::{HeaderMap, header};

use super::decode::percent_decode;
use crate::state::Credentials;

/// The name of the cookie, and of the scheme for a ticket in `Authorization`.
const COOKIE: &str = "PVEAuthCookie";
const API_TOKEN: &str = "PVEAPIToken";

/// A ticket in the cookie, else one in `Authorization`, else an API token there.
pub(super) fn credentials(headers: &HeaderMap) -> Credentials {
    let text = |name: &str| {
        let value = headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let authorization = text(header::AUTHORIZATION.as_str());
    let in_cookie = text(header::COOKIE.as_str()).and_then(|cookie| value_of(&cookie, COOKIE));
    let in_header = |key: &str| authorization.as_deref().and_then(|header| value_of(header, key));
    let given = |value: &String| !value.is_empty();
    Credentials {
        ticket: in_cookie
            .filter(given)
            .or_else(|| in_header(COOKIE).filter(given)),
        csrf: text("CSRFPreventionToken"),
        api_token: in_header(API_TOKEN),
    }
}

/// What follows a key and `=` or a blank, up to a semicolon; the key begins the text or comes after a blank
/// (`PVE::APIServer::Formatter::extract_auth_value`). Escapes are undone.
fn value_of(text: &str, key: &str) -> Option<String> {
    let begins = |at: usize| {
        text.get(..at)
            .is_some_and(|before| before.is_empty() || before.ends_with(char::is_whitespace))
    };
    let found = text
        .match_indices(key)
        .filter(|(at, _)| begins(*at))
        .find_map(|(at, _)| {
            let rest = text.get(at + key.len()..)?;
            rest.strip_prefix(['=', ' '])
        })?;
    let value = found.split(';').next().unwrap_or("");
    Some(percent_decode(value, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &'static str, value: &str) -> Credentials {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        credentials(&headers)
    }

    #[test]
    fn a_token_may_follow_a_blank_and_be_escaped() {
        for header in [
            "PVEAPIToken=a@pam!t=s",
            "PVEAPIToken a@pam!t=s",
            "PVEAPIToken=a@pam%21t=s",
        ] {
            let found = of("authorization", header).api_token;
            assert_eq!(found.as_deref(), Some("a@pam!t=s"), "{header}");
        }
        assert_eq!(of("authorization", "Bearer a@pam!t=s").api_token, None);
    }

    #[test]
    fn a_ticket_is_found_among_other_cookies_raw_or_escaped() {
        for header in [
            "x=1; PVEAuthCookie=PVE:a::b=; y=2",
            "PVEAuthCookie=PVE%3Aa%3A%3Ab%3D",
        ] {
            assert_eq!(
                of("cookie", header).ticket.as_deref(),
                Some("PVE:a::b="),
                "{header}"
            );
        }
        assert_eq!(of("cookie", "NotPVEAuthCookie=x").ticket, None);
        let in_header = of("authorization", "PVEAuthCookie=PVE:a::b").ticket;
        assert_eq!(in_header.as_deref(), Some("PVE:a::b"));
    }
}
