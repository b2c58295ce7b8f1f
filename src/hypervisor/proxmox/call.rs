//! One request, before it is sent: method, path, parameters.

use std::borrow::Cow;
use std::fmt::{self, Display};

use super::encode::{form, percent};
use super::failure::shortened;
use crate::hypervisor::Error;

/// The methods that Proxmox VE knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// Reads, and may be repeated.
    Get,
    /// Makes, or begins a task.
    Post,
    /// Changes.
    Put,
    /// Removes.
    Delete,
}

impl Method {
    /// As it stands in a request.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// How long to wait for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// As configured.
    Usual,
    /// Something inside a guest answers, or does not.
    Short,
}

/// The longest answer that is read, of all calls but the bulk list.
const LIMIT: usize = 8 << 20;
/// The longest bulk list: some 100 000 guests.
const BULK_LIMIT: usize = 64 << 20;

/// Calls that something inside a guest answers are not waited for long.
fn patience(template: &str) -> Patience {
    if template.contains("/agent/") {
        Patience::Short
    } else {
        Patience::Usual
    }
}

fn limit(template: &str) -> usize {
    if template == "/cluster/resources" {
        BULK_LIMIT
    } else {
        LIMIT
    }
}

/// A request to be sent.
#[derive(Clone)]
pub struct Call {
    pub(super) method: Method,
    /// The path without the names in it.
    pub(super) family: Cow<'static, str>,
    pub(super) patience: Patience,
    pub(super) limit: usize,
    path: String,
    /// Why it must not be sent, if anything is wrong with its path or with what it is for.
    misplaced: Option<String>,
    parameters: Vec<(String, String)>,
}

impl Call {
    /// Puts `values` into the `{…}` of a path, in their order.
    pub(super) fn new(method: Method, template: &'static str, values: &[&dyn Display]) -> Self {
        let mut values = values.iter();
        Self::filled(method, template, |_| values.next().map(ToString::to_string))
    }

    /// Puts what `value` says for each name into the `{…}` of a path.
    pub(super) fn filled(
        method: Method,
        template: &'static str,
        mut value: impl FnMut(&str) -> Option<String>,
    ) -> Self {
        let mut misplaced = None;
        let mut family = Cow::Borrowed(template);
        let mut fill = |segment: &str| {
            let Some(name) = segment.strip_prefix('{').and_then(|s| s.strip_suffix('}')) else {
                return segment.to_owned();
            };
            let value = value(name).unwrap_or_default();
            // URLs are taken apart by dots too: such a value would address something else.
            if matches!(value.as_str(), "" | "." | "..") {
                misplaced = Some(format!("'{value}' can't stand for {{{name}}} in {template}"));
            }
            // Virtual machines and containers are two families, though one table has both.
            if name == "kind" {
                family = Cow::Owned(template.replace(segment, &value));
            }
            percent(&value)
        };
        let segments: Vec<String> = template.split('/').map(&mut fill).collect();
        Self {
            method,
            family,
            patience: patience(template),
            limit: limit(template),
            path: segments.join("/"),
            misplaced,
            parameters: Vec::new(),
        }
    }

    pub(super) fn get(template: &'static str, values: &[&dyn Display]) -> Self {
        Self::new(Method::Get, template, values)
    }

    /// Adds a parameter.
    pub(super) fn with(mut self, name: &str, value: impl Display) -> Self {
        self.parameters.push((name.to_owned(), value.to_string()));
        self
    }

    /// Adds parameters.
    pub(super) fn with_all(mut self, parameters: Vec<(String, String)>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    /// Keeps the call from being sent.
    pub(super) fn refused(mut self, reason: String) -> Self {
        self.misplaced.get_or_insert(reason);
        self
    }

    /// Refuses a path that would lead elsewhere, and what was refused before.
    pub(super) fn checked(&self) -> Result<(), Error> {
        match &self.misplaced {
            Some(reason) => Err(self.unbuildable(reason)),
            None => Ok(()),
        }
    }

    /// The method.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.method
    }

    /// The path below `/api2/json`, encoded, without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Names and values, in their order and not encoded. They may be secret.
    #[must_use]
    pub fn parameters(&self) -> &[(String, String)] {
        &self.parameters
    }

    /// The path with the query. Parameters of DELETE belong there too: Proxmox VE refuses its body (501).
    #[must_use]
    pub fn path_and_query(&self) -> String {
        match self.method {
            Method::Get | Method::Delete if !self.parameters.is_empty() => {
                format!("{}?{}", self.path, form(&self.parameters))
            }
            _ => self.path.clone(),
        }
    }

    /// The body, of those methods that have one.
    #[must_use]
    pub fn body(&self) -> Option<String> {
        matches!(self.method, Method::Post | Method::Put).then(|| form(&self.parameters))
    }

    /// What is asked, for people: method and path.
    #[must_use]
    pub fn operation(&self) -> String {
        format!("{} {}", self.method.as_str(), self.path)
    }

    pub(super) fn unreadable(&self, reason: impl Into<String>) -> Error {
        Error::Decode {
            operation: self.operation(),
            reason: shortened(&reason.into()),
        }
    }

    pub(super) fn unbuildable(&self, reason: impl Into<String>) -> Error {
        Error::Unbuildable {
            operation: self.operation(),
            reason: shortened(&reason.into()),
        }
    }
}

/// Parameters may be secret, and are not shown.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Call({})", self.operation())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_within_their_segment() {
        let call = Call::get("/nodes/{node}/tasks/{upid}/status", &[&"pve", &"UPID:a/b"]);
        assert_eq!(call.path_and_query(), "/nodes/pve/tasks/UPID%3Aa%2Fb/status");
        assert!(call.checked().is_ok());
    }

    #[test]
    fn a_name_that_is_another_path_is_refused() {
        for name in ["", ".", ".."] {
            let call = Call::get("/nodes/{node}/status", &[&name]);
            assert!(
                matches!(call.checked(), Err(Error::Unbuildable { .. })),
                "{name:?}"
            );
        }
    }

    #[test]
    fn delete_has_a_query_and_no_body() {
        let call = Call::new(Method::Delete, "/nodes/{node}/qemu/{vmid}", &[&"pve", &100]).with("purge", 1);
        assert_eq!(call.path_and_query(), "/nodes/pve/qemu/100?purge=1");
        assert_eq!(call.body(), None);
    }

    #[test]
    fn post_has_a_body_even_without_parameters() {
        let call = Call::new(Method::Post, "/nodes/{node}/qemu", &[&"pve"]);
        assert_eq!(call.body().as_deref(), Some(""));
        assert_eq!(call.with("tags", "a;b").body().as_deref(), Some("tags=a%3Bb"));
    }

    #[test]
    fn parameters_are_not_shown() {
        let call = Call::new(Method::Post, "/access/ticket", &[]).with("password", "s3cret");
        assert!(!format!("{call:?}").contains("s3cret"));
    }
}
