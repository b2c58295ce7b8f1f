//! The paths that rights can be given on.

use std::sync::LazyLock;

use regex::Regex;

/// One slash between the parts and none at the end; nothing for a path with other characters than names have
/// (`PVE::AccessControl::normalize_path`).
pub(crate) fn normal_path(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let plain = |c: char| c.is_alphanumeric() || ".-_/".contains(c);
    (!path.is_empty() && path.chars().all(plain)).then(|| format!("/{}", parts.join("/")))
}

/// `PVE::AccessControl::check_path`.
static VALID: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let name = r"[[:alnum:].\-_]+";
    let kinds = [
        r"/access(/groups|/realm)?".to_owned(),
        format!("/access/(groups|realm)/{name}"),
        format!("/nodes(/{name})?"),
        format!("/pool(/{name}){{0,3}}"),
        "/sdn".to_owned(),
        format!("/sdn/(controllers|dns|ipams|vnets)(/{name})?"),
        format!(r"/sdn/zones(/{name}(/{name}(/[1-9][0-9]{{0,3}})?)?)?"),
        format!("/storage(/{name})?"),
        r"/vms(/[1-9][0-9]{2,})?".to_owned(),
        format!("/mapping(/{name}(/{name})?)?"),
    ];
    Regex::new(&format!("^(/|{})$", kinds.join("|"))).ok()
});

/// Whether an entry can be made on a path.
pub(crate) fn path_is_valid(path: &str) -> bool {
    VALID.as_ref().is_some_and(|valid| valid.is_match(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised() {
        for (given, normal) in [
            ("vms//100/", Some("/vms/100")),
            ("/", Some("/")),
            ("", None),
            ("/a b", None),
        ] {
            assert_eq!(normal_path(given).as_deref(), normal, "{given}");
        }
    }

    #[test]
    fn only_known_kinds_of_paths_are_valid() {
        for path in [
            "/",
            "/vms",
            "/vms/100",
            "/sdn/zones/z/vmbr0/12",
            "/pool/a/b",
            "/access/realm/pve",
        ] {
            assert!(path_is_valid(path), "{path}");
        }
        for path in ["/bad", "/vms/10", "/vms/abc", "/nodes/a/b", "/access/users"] {
            assert!(!path_is_valid(path), "{path}");
        }
    }
}
