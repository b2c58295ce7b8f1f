//! Formats of parameters about access (`PVE::AccessControl`, `PVE::Auth::Plugin`).

use super::Kind;
use crate::release::Release;
use crate::state::{is_token_name, is_user_id, privilege, split_token};

/// A user's id.
pub(crate) const USER: Kind = Kind::LongFormat(user, 64);
/// A list of users' ids.
pub(crate) const USERS: Kind = Kind::List(|name, text| each(text, |one| user(name, one)));
/// A group's name.
pub(crate) const GROUP: Kind = Kind::Format(|_, text| plain_name("group", text));
/// A list of groups' names.
pub(crate) const GROUPS: Kind = Kind::List(|_, text| each(text, |one| plain_name("group", one)));
/// A role's name.
pub(crate) const ROLE: Kind = Kind::Format(|_, text| plain_name("role", text));
/// A list of roles' names.
pub(crate) const ROLES: Kind = Kind::List(|_, text| each(text, |one| plain_name("role", one)));
/// A list of tokens' full ids.
pub(crate) const TOKENS: Kind = Kind::List(|_, text| each(text, token));
/// The name of a token, without its user.
pub(crate) const TOKEN_NAME: Kind = Kind::Pattern(r"(?:[A-Za-z][A-Za-z0-9\.\-_]+)");
/// A user's or a token's id.
pub(crate) const USER_OR_TOKEN: Kind =
    Kind::Pattern(r"(?:^(?:[^\s:/]+)\@(?:[A-Za-z][A-Za-z0-9\.\-_]+)(?:!(?:[A-Za-z][A-Za-z0-9\.\-_]+))?$)");
/// A realm's name.
pub(crate) const REALM: Kind = Kind::LongFormat(realm, 32);
/// A list of storages' names.
pub(crate) const STORAGES: Kind =
    Kind::List(|name, text| each(text, |one| super::format::storage(name, one)));
/// A list of privileges of 7.4.
pub(crate) const PRIVILEGES_7: Kind = Kind::List(|_, text| privileges(Release::V7_4, text));
/// A list of privileges of 8.4.
pub(crate) const PRIVILEGES_8: Kind = Kind::List(|_, text| privileges(Release::V8_4, text));
/// A list of privileges of 9.2.
pub(crate) const PRIVILEGES_9: Kind = Kind::List(|_, text| privileges(Release::V9_2, text));
/// The same, no longer than 64 characters.
pub(crate) const SHORT_PRIVILEGES_7: Kind = Kind::LongList(|_, text| privileges(Release::V7_4, text), 64);
/// The same of 8.4.
pub(crate) const SHORT_PRIVILEGES_8: Kind = Kind::LongList(|_, text| privileges(Release::V8_4, text), 64);
/// The same of 9.2.
pub(crate) const SHORT_PRIVILEGES_9: Kind = Kind::LongList(|_, text| privileges(Release::V9_2, text), 64);
/// An address of mail, or nothing; up to 7.4 of any length.
pub(crate) const EMAIL: Kind = Kind::Format(email);
/// The same, no longer than 254 characters.
pub(crate) const SHORT_EMAIL: Kind = Kind::LongFormat(email, 254);

fn each(text: &str, check: impl Fn(&str) -> Result<(), String>) -> Result<(), String> {
    let items = text.split([',', ';', ' ', '\0']);
    items.filter(|item| !item.is_empty()).try_for_each(check)
}

fn user(_: &str, text: &str) -> Result<(), String> {
    user_id(text)
}

/// The sentence about what can't be a user's id.
pub(crate) fn user_id(text: &str) -> Result<(), String> {
    let length = text.chars().count();
    if length < 3 {
        Err(format!("user name '{text}' is too short\n"))
    } else if length > 64 {
        Err(format!("user name '{text}' is too long ({length} > 64)\n"))
    } else if is_user_id(text) {
        Ok(())
    } else {
        Err(format!("value '{text}' does not look like a valid user name\n"))
    }
}

fn is_plain(text: &str) -> bool {
    let mut bytes = text.bytes();
    !text.is_empty() && bytes.all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b))
}

fn plain_name(what: &str, text: &str) -> Result<(), String> {
    let sentence = || format!("{what} name '{text}' contains invalid characters\n");
    is_plain(text).then_some(()).ok_or_else(sentence)
}

fn token(text: &str) -> Result<(), String> {
    let sentence = || format!("value '{text}' does not look like a valid token ID\n");
    split_token(text).map(|_| ()).ok_or_else(sentence)
}

fn realm(_: &str, text: &str) -> Result<(), String> {
    let sentence = || "value does not look like a valid realm\n".to_owned();
    is_token_name(text).then_some(()).ok_or_else(sentence)
}

/// The name of an attribute in a directory (`ldap-simple-attr`).
pub(crate) fn simple_attribute(_: &str, text: &str) -> Result<(), String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    let starts = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
    let sentence = || format!("value '{text}' does not look like a simple ldap attribute name\n");
    let valid = starts && text.bytes().all(plain);
    valid.then_some(()).ok_or_else(sentence)
}

/// A list of names of attributes.
pub(crate) fn simple_attributes(name: &str, text: &str) -> Result<(), String> {
    each(text, |one| simple_attribute(name, one))
}

fn privileges(release: Release, text: &str) -> Result<(), String> {
    each(text, |name| match privilege(release, name) {
        Some(_) => Ok(()),
        None => Err(format!("invalid privilege '{name}'\n")),
    })
}

fn email(_: &str, text: &str) -> Result<(), String> {
    let valid = text.split_once('@').is_some_and(|(name, host)| {
        let word = |part: &str| !part.is_empty() && !part.contains(char::is_whitespace);
        word(name) && word(host) && !host.contains('@')
    });
    let sentence = || "value does not look like a valid email address\n".to_owned();
    (text.is_empty() || valid).then_some(()).ok_or_else(sentence)
}
