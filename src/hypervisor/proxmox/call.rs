//! One request, before it is sent: method, path, parameters.

use std::fmt::Display;

use super::encode::{form, percent};
use crate::hypervisor::Error;

/// The methods that Proxmox VE knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
    Put,
    Delete,
}

impl Method {
    pub(super) const fn as_str(self) -> &'static str {
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

/// A request to be sent.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) template: &'static str,
    pub(super) patience: Patience,
    pub(super) limit: usize,
    path: String,
    parameters: Vec<(String, String)>,
}

impl Call {
    /// Puts `values` into the `{…}` of a path, in their order.
    pub(super) fn new(method: Method, template: &'static str, values: &[&dyn Display]) -> Self {
        let mut values = values.iter();
        let segments: Vec<String> = template
            .split('/')
            .map(
                |segment| match segment.starts_with('{').then(|| values.next()).flatten() {
                    Some(value) => percent(&value.to_string()),
                    None => segment.to_owned(),
                },
            )
            .collect();
        Self {
            method,
            template,
            patience: Patience::Usual,
            limit: LIMIT,
            path: segments.join("/"),
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

    /// Adds a parameter if there is a value.
    pub(super) fn with_some(self, name: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Allows for the longest answer of all.
    pub(super) const fn bulk(mut self) -> Self {
        self.limit = BULK_LIMIT;
        self
    }

    /// Does not wait long.
    pub(super) const fn impatient(mut self) -> Self {
        self.patience = Patience::Short;
        self
    }

    /// The path with the query. Parameters of DELETE belong there too: Proxmox VE refuses its body (501).
    pub(super) fn path_and_query(&self) -> String {
        match self.method {
            Method::Get | Method::Delete if !self.parameters.is_empty() => {
                format!("{}?{}", self.path, form(&self.parameters))
            }
            _ => self.path.clone(),
        }
    }

    /// The body, of those methods that have one.
    pub(super) fn body(&self) -> Option<String> {
        matches!(self.method, Method::Post | Method::Put).then(|| form(&self.parameters))
    }

    /// What is asked, for people: method and path.
    pub(super) fn operation(&self) -> String {
        format!("{} {}", self.method.as_str(), self.path)
    }

    pub(super) fn unreadable(&self, reason: impl Into<String>) -> Error {
        Error::Decode {
            operation: self.operation(),
            reason: reason.into(),
        }
    }

    pub(super) fn unbuildable(&self, reason: impl Into<String>) -> Error {
        Error::Unbuildable {
            operation: self.operation(),
            reason: reason.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_within_their_segment() {
        let call = Call::get("/nodes/{node}/tasks/{upid}/status", &[&"pve", &"UPID:a/b"]);
        assert_eq!(call.path_and_query(), "/nodes/pve/tasks/UPID%3Aa%2Fb/status");
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
}
