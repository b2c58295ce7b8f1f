//! Where the programs of the control plane are: etcd, kube-apiserver, kube-controller-manager, kubectl.

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// The places that are searched, in this order. Each program is looked for by itself: the first place wins.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// What a person named (`--assets-dir`).
    pub assets_dir: Option<PathBuf>,
    /// The directory that envtest's users have (`KUBEBUILDER_ASSETS`).
    pub kubebuilder_assets: Option<PathBuf>,
    /// Where `make tools` keeps what it built: the link `current` in the user's cache.
    pub cache: Option<PathBuf>,
    /// The directory of Drover's own executable.
    pub beside: Option<PathBuf>,
    /// The value of `PATH`. Last, because what a distribution ships under these names is often years old.
    pub path: Option<OsString>,
}

/// The programs of a control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assets {
    /// The store.
    pub etcd: PathBuf,
    /// The Kubernetes API.
    pub kube_apiserver: PathBuf,
    /// Garbage collection and the deletion of namespaces.
    pub kube_controller_manager: PathBuf,
    /// The client for people; Drover itself does without it.
    pub kubectl: Option<PathBuf>,
}

/// Programs that are nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} not found in {}; `make tools` in a checkout of Drover builds what is missing", programs.join(", "), searched.join(", "))]
pub struct Missing {
    /// Their names.
    pub programs: Vec<&'static str>,
    /// The directories that were searched.
    pub searched: Vec<String>,
}

impl Search {
    /// Finds all programs, or names every one that is missing.
    pub fn assets(&self) -> Result<Assets, Missing> {
        let mut programs = Vec::new();
        let mut need = |name| {
            self.find(name).unwrap_or_else(|| {
                programs.push(name);
                PathBuf::new()
            })
        };
        let assets = Assets {
            etcd: need("etcd"),
            kube_apiserver: need("kube-apiserver"),
            kube_controller_manager: need("kube-controller-manager"),
            kubectl: self.find("kubectl"),
        };
        if programs.is_empty() {
            return Ok(assets);
        }
        let searched = self.directories().map(|d| d.display().to_string()).collect();
        Err(Missing { programs, searched })
    }

    /// The first place that has an executable of this name.
    #[must_use]
    pub fn find(&self, program: &str) -> Option<PathBuf> {
        self.directories()
            .map(|directory| directory.join(program))
            .find(|path| is_executable(path))
            .and_then(|path| fs::canonicalize(path).ok())
    }

    fn directories(&self) -> impl Iterator<Item = PathBuf> {
        [
            &self.assets_dir,
            &self.kubebuilder_assets,
            &self.cache,
            &self.beside,
        ]
        .into_iter()
        .flatten()
        .cloned()
        .chain(self.path.iter().flat_map(std::env::split_paths))
        .filter(|directory| !directory.as_os_str().is_empty())
    }
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(directory: &Path, program: &str, mode: u32) -> PathBuf {
        let path = directory.join(program);
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        fs::canonicalize(path).unwrap()
    }

    #[test]
    fn named_directory_comes_before_path_program_by_program() {
        let (named, path) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let etcd = put(named.path(), "etcd", 0o755);
        put(path.path(), "etcd", 0o755);
        let apiserver = put(path.path(), "kube-apiserver", 0o755);
        let manager = put(path.path(), "kube-controller-manager", 0o755);
        let search = Search {
            assets_dir: Some(named.path().to_owned()),
            path: Some(path.path().into()),
            ..Search::default()
        };
        assert_eq!(
            search.assets(),
            Ok(Assets {
                etcd,
                kube_apiserver: apiserver,
                kube_controller_manager: manager,
                kubectl: None,
            })
        );
    }

    #[test]
    fn every_missing_program_is_named_with_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        put(directory.path(), "etcd", 0o755);
        let search = Search {
            cache: Some(directory.path().to_owned()),
            ..Search::default()
        };
        let text = search.assets().unwrap_err().to_string();
        assert!(text.starts_with("kube-apiserver, kube-controller-manager not found in /"));
        assert!(text.contains("make tools"));
    }

    #[test]
    fn file_that_is_not_executable_does_not_count() {
        let directory = tempfile::tempdir().unwrap();
        put(directory.path(), "etcd", 0o644);
        let search = Search {
            beside: Some(directory.path().to_owned()),
            ..Search::default()
        };
        assert_eq!(search.find("etcd"), None);
    }
}
