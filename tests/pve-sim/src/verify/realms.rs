//! The parameters of realms (`PVE::Auth::Plugin` and those for directories).

use super::access::{REALM, simple_attribute, simple_attributes};
use super::cluster::OPTION_LIST;
use super::{Kind, Param, TEXT, may, need};
use crate::release::Release;

/// A distinguished name, as 7.4 wants it.
const DISTINGUISHED_NAME: Kind = Kind::LongPattern(
    r#"(?:\w+=("[\w ,+/<>;=]+"|[^ ,+"/<>;=]+)(,\s*\w+=("[\w ,+/<>;=]+"|[^ ,+"/<>;=]+))*)"#,
    256,
);
const URI_WORDS: Kind = Kind::Pattern(r#"^[^\x00-\x1F\x7F <>#"]*$"#);
const SHORT: Kind = Kind::Text(256);

/// What can be set of a realm.
pub(crate) const REALM_OPTIONS: &[Param] = &[
    may("acr-values", TEXT).until(Release::V7_4),
    may("acr-values", URI_WORDS).from(Release::V8_4),
    may("audiences", URI_WORDS).from(Release::V9_2),
    may("autocreate", Kind::Boolean),
    may("base_dn", DISTINGUISHED_NAME).until(Release::V7_4),
    may("base_dn", SHORT).from(Release::V8_4),
    may("bind_dn", DISTINGUISHED_NAME).until(Release::V7_4),
    may("bind_dn", SHORT).from(Release::V8_4),
    may("capath", TEXT),
    may("case-sensitive", Kind::Boolean),
    may("cert", TEXT),
    may("certkey", TEXT),
    may("check-connection", Kind::Boolean).from(Release::V8_4),
    may("client-id", SHORT),
    may("client-key", SHORT),
    may("comment", Kind::Text(4096)),
    may("default", Kind::Boolean),
    may("domain", Kind::LongPattern(r"\S+", 256)),
    may("filter", Kind::Text(2048)),
    may("group_classes", Kind::List(simple_attributes)),
    may("group_dn", DISTINGUISHED_NAME).until(Release::V7_4),
    may("group_dn", SHORT).from(Release::V8_4),
    may("group_filter", Kind::Text(2048)),
    may("group_name_attr", Kind::LongFormat(simple_attribute, 256)),
    may("groups-autocreate", Kind::Boolean).from(Release::V8_4),
    may("groups-claim", Kind::LongPattern(r"(?:[A-Za-z0-9\.\-_]+)", 256)).from(Release::V8_4),
    may("groups-overwrite", Kind::Boolean).from(Release::V8_4),
    may("issuer-url", SHORT),
    may("mode", Kind::Enum(&["ldap", "ldaps", "ldap+starttls"])),
    may("password", TEXT),
    may("port", Kind::Integer(1, 65535)),
    may(
        "prompt",
        Kind::Pattern(r"(?:none|login|consent|select_account|\S+)"),
    ),
    may("query-userinfo", Kind::Boolean).from(Release::V8_4),
    may("scopes", TEXT),
    may("secure", Kind::Boolean),
    may("server1", Kind::LongFormat(address, 256)),
    may("server2", Kind::LongFormat(address, 256)),
    may(
        "sslversion",
        Kind::Enum(&["tlsv1", "tlsv1_1", "tlsv1_2", "tlsv1_3"]),
    ),
    may("sync-defaults-options", Kind::Format(key_values)),
    may("sync_attributes", Kind::Pattern(r"\w+=[^,]+(,\s*\w+=[^,]+)*")),
    may("tfa", Kind::LongFormat(second_factor, 128)),
    may("user_attr", Kind::LongPattern(r"\S{2,}", 256)),
    may("user_classes", Kind::List(simple_attributes)),
    may("verify", Kind::Boolean),
];

/// What only a new realm is told.
pub(crate) const NEW_REALM: &[Param] = &[
    need("realm", REALM),
    need("type", Kind::Enum(&["ad", "ldap", "openid", "pam", "pve"])),
    may("username-claim", TEXT),
];

/// What only a change is told.
pub(crate) const CHANGED_REALM: &[Param] = &[
    may("delete", OPTION_LIST),
    may("digest", Kind::Text(40)).until(Release::V7_4),
    may("digest", Kind::Text(64)).from(Release::V8_4),
];

fn address(_: &str, text: &str) -> Result<(), String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b".-:_".contains(&b);
    let valid = !text.is_empty() && text.bytes().all(plain);
    let sentence = || "value does not look like a valid address\n".to_owned();
    valid.then_some(()).ok_or_else(sentence)
}

fn key_values(_: &str, text: &str) -> Result<(), String> {
    let pair = |part: &str| part.split_once('=').is_some_and(|(key, _)| !key.is_empty());
    let wrong = text.split(',').find(|part| !pair(part));
    wrong.map_or(Ok(()), |part| {
        Err(format!(
            "format error\n{part}: property is not defined in schema and the schema does not allow additional properties\n"
        ))
    })
}

fn second_factor(_: &str, text: &str) -> Result<(), String> {
    let typed = text
        .split(',')
        .any(|part| part == "type=oath" || part == "type=yubico");
    let sentence = || "unable to parse tfa option\n".to_owned();
    typed.then_some(()).ok_or_else(sentence)
}
