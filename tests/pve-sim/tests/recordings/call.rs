//! Which call an exchange is, and whether it fits a template.

use super::library::RecordedRequest;

/// A call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    method: String,
    path: String,
    query: String,
}

impl Call {
    pub(crate) fn of(request: &RecordedRequest) -> Self {
        // A whole path has `api2` and the format before the rest.
        let below = request
            .path
            .strip_prefix("//api2/")
            .map_or(request.path.as_str(), |whole| {
                whole.trim_start_matches(|c| c != '/')
            });
        Self::new(&request.method, below)
    }

    pub(crate) fn new(method: &str, path: &str) -> Self {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
        }
    }

    /// Whether a template as `GET /nodes/*/qemu|lxc/**` fits: `*` is any one segment, `a|b` one of two, `**` any number
    /// at the end. Without a method any does, and without a query any.
    pub(crate) fn matches(&self, template: &str) -> bool {
        let path = match template.split_once(' ') {
            Some((method, _)) if method != self.method => return false,
            Some((_, path)) => path,
            None => template,
        };
        let (path, query) = path.split_once('?').unwrap_or((path, &self.query));
        if query != self.query {
            return false;
        }
        let own: Vec<&str> = self.path.split('/').filter(|s| !s.is_empty()).collect();
        let wanted: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
        fits(&wanted, &own)
    }

    /// The log of a task.
    pub(crate) fn is_log(&self) -> bool {
        self.matches("GET /nodes/*/tasks/*/log")
    }

    /// About tasks: such a request doesn't wait until they have ended.
    pub(crate) fn looks_at_tasks(&self) -> bool {
        [
            "GET /nodes/*/tasks",
            "GET /nodes/*/tasks/*/status",
            "GET /cluster/tasks",
        ]
        .iter()
        .any(|template| self.matches(template))
    }
}

/// Whether segments fit a pattern with `*` for any one, `a|b` for either and `**` for the rest.
pub(crate) fn fits(pattern: &[&str], segments: &[&str]) -> bool {
    match (pattern.first(), segments.first()) {
        (Some(&"**"), _) | (None, None) => true,
        (Some(&wanted), Some(&segment)) => {
            (wanted == "*" || wanted.split('|').any(|w| w == segment)) && fits(&pattern[1..], &segments[1..])
        }
        _ => false,
    }
}
