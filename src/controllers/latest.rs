//! The newest version of each resource that this process knows: the cache lags behind the process's own
//! writes, and a pass on an older version would repeat what was done.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use kube::ResourceExt;

/// Versions that this process wrote and the cache may not show yet, by UID.
#[derive(Debug)]
pub(super) struct Latest<K>(Mutex<HashMap<String, Arc<K>>>);

impl<K> Default for Latest<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: ResourceExt> Latest<K> {
    /// The newer of the cached version and what this process wrote.
    pub(super) fn newest(&self, cached: Arc<K>) -> Arc<K> {
        let Some(uid) = cached.uid() else { return cached };
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match written.get(&uid) {
            Some(own) if version(own.as_ref()) > version(cached.as_ref()) => Arc::clone(own),
            Some(_) => {
                written.remove(&uid);
                cached
            }
            None => cached,
        }
    }

    /// Remembers a version that this process wrote.
    pub(super) fn wrote(&self, object: K) -> Arc<K> {
        let object = Arc::new(object);
        if let Some(uid) = object.uid() {
            let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            written.insert(uid, Arc::clone(&object));
        }
        object
    }

    /// Forgets a resource that is gone.
    pub(super) fn forget(&self, uid: &str) {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        written.remove(uid);
    }
}

/// Resource versions of one kind are decimal numbers that grow (KEP-5504, Kubernetes 1.35).
fn version<K: ResourceExt>(object: &K) -> u128 {
    object
        .resource_version()
        .and_then(|v| v.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;

    fn object(version: &str) -> ConfigMap {
        let mut object = ConfigMap::default();
        object.metadata.uid = Some("u".into());
        object.metadata.resource_version = Some(version.into());
        object
    }

    #[test]
    fn own_write_counts_until_the_cache_has_caught_up() {
        let latest = Latest::default();
        latest.wrote(object("100"));
        let newest = |v: &str| {
            latest
                .newest(Arc::new(object(v)))
                .resource_version()
                .unwrap_or_default()
        };
        assert_eq!(newest("99"), "100");
        assert_eq!(newest("101"), "101");
        assert_eq!(newest("99"), "99");
    }
}
