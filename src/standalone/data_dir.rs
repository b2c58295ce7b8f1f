//! The directory that a control plane keeps between runs: who holds it, what lies where, who may read it.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io::{self, Write},
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::Error;

/// A data directory that nobody else uses, as long as this value lives.
#[derive(Debug)]
pub(super) struct DataDir {
    root: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Makes the directory if need be, and takes it; refused if another process has it.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let opened = || {
            DirBuilder::new().recursive(true).mode(0o700).create(path)?;
            let root = fs::canonicalize(path)?;
            let lock = OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .mode(0o600)
                .open(root.join("lock"))?;
            Ok((root, lock))
        };
        let (root, lock) = opened().map_err(|source| Error::file(path, source))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::InUse(root)),
            Err(TryLockError::Error(source)) => return Err(Error::file(&root, source)),
        }
        let data = Self { root, _lock: lock };
        for directory in [data.etcd(), data.sockets(), data.pki(), data.logs(), data.run()] {
            private_directory(&directory).map_err(|source| Error::file(&directory, source))?;
        }
        Ok(data)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// What etcd stores.
    pub(super) fn etcd(&self) -> PathBuf {
        self.root.join("etcd")
    }

    /// The working directory of etcd and kube-apiserver: they name etcd's sockets relative to it, since the
    /// path of a Unix socket may have 107 bytes at most, and a home directory may be longer.
    pub(super) fn sockets(&self) -> PathBuf {
        self.root.join("sockets")
    }

    /// Keys, certificates and tokens.
    pub(super) fn pki(&self) -> PathBuf {
        self.root.join("pki")
    }

    /// The programs' output.
    pub(super) fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// Which processes run.
    pub(super) fn run(&self) -> PathBuf {
        self.root.join("run")
    }

    /// What kubectl needs.
    pub(super) fn kubeconfig(&self) -> PathBuf {
        self.root.join("kubeconfig")
    }

    /// The port of last time if it is free, else any free one; it is remembered, so that a person's
    /// kubeconfig stays right.
    pub(super) fn port(&self, name: &str) -> Result<u16, Error> {
        let path = self.run().join(format!("{name}.port"));
        let last = fs::read_to_string(&path)
            .ok()
            .and_then(|text| text.trim().parse().ok());
        let chosen = last
            .and_then(free_port)
            .or_else(|| free_port(0))
            .ok_or(Error::NoPort)?;
        write_private(&path, &chosen.to_string())?;
        Ok(chosen)
    }
}

fn free_port(wanted: u16) -> Option<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, wanted)).ok()?;
    Some(listener.local_addr().ok()?.port())
}

fn private_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    // It may have been there with other rights.
    fs::set_permissions(path, Permissions::from_mode(0o700))
}

/// Writes a file that only its owner may read, whole or not at all.
pub(super) fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    let temporary = path.with_extension("new");
    let write = || {
        // One left over from a crash would keep its own mode.
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().map_err(|source| Error::file(path, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn second_user_of_a_directory_is_refused_until_the_first_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let first = DataDir::open(directory.path()).unwrap();
        let refused = DataDir::open(directory.path()).unwrap_err();
        assert!(matches!(refused, Error::InUse(_)), "{refused}");
        drop(first);
        DataDir::open(directory.path()).unwrap();
    }

    #[test]
    fn what_is_secret_is_for_the_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDir::open(&directory.path().join("a/b")).unwrap();
        for part in [data.root().to_owned(), data.sockets(), data.pki(), data.etcd()] {
            assert_eq!(mode(&part), 0o700, "{}", part.display());
        }
        let secret = data.pki().join("secret");
        write_private(&secret, "one").unwrap();
        write_private(&secret, "two").unwrap();
        assert_eq!(mode(&secret), 0o600);
        assert_eq!(fs::read_to_string(secret).unwrap(), "two");
    }

    #[test]
    fn port_stays_the_same_unless_it_is_taken() {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDir::open(directory.path()).unwrap();
        let port = data.port("kube-apiserver").unwrap();
        assert_eq!(data.port("kube-apiserver").unwrap(), port);
        let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert_ne!(data.port("kube-apiserver").unwrap(), port);
    }
}
