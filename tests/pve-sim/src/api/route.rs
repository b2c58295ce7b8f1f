//! From a method and a path to the endpoint.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::Endpoint;
use crate::release::Release;

/// An endpoint with its path split.
struct Route {
    endpoint: &'static Endpoint,
    pattern: Vec<&'static str>,
    /// How many segments are fixed: of two that match, the more precise one is meant.
    fixed: usize,
}

static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| {
    let mut routes: Vec<Route> = super::endpoints()
        .map(|endpoint| {
            let pattern: Vec<&str> = endpoint.path.split('/').filter(|s| !s.is_empty()).collect();
            let fixed = pattern.iter().filter(|s| !s.starts_with('{')).count();
            Route {
                endpoint,
                pattern,
                fixed,
            }
        })
        .collect();
    routes.sort_by_key(|route| std::cmp::Reverse(route.fixed));
    routes
});

/// The endpoint, and what the path's names stand for.
pub(super) fn find(
    release: Release,
    method: &str,
    segments: &[String],
) -> Option<(&'static Endpoint, BTreeMap<String, String>)> {
    ROUTES
        .iter()
        .filter(|route| route.pattern.len() == segments.len())
        .filter(|route| route.endpoint.method == method && route.endpoint.is_in(release))
        .find_map(|route| Some((route.endpoint, route.names(segments)?)))
}

/// Method and path of every endpoint of a release.
pub(super) fn all(release: Release) -> impl Iterator<Item = &'static Endpoint> {
    ROUTES
        .iter()
        .map(|route| route.endpoint)
        .filter(move |endpoint| endpoint.is_in(release))
}

impl Route {
    fn names(&self, segments: &[String]) -> Option<BTreeMap<String, String>> {
        let mut names = BTreeMap::new();
        for (pattern, segment) in self.pattern.iter().zip(segments) {
            match pattern.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
                Some(name) => {
                    names.insert(name.to_owned(), segment.clone());
                }
                None if *pattern == segment => {}
                None => return None,
            }
        }
        Some(names)
    }
}
