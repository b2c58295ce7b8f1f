//! What clients asked of the daemon, counted from its own log.

use std::collections::BTreeMap;

/// Calls by the procedure's name, as the protocol spells it (`ConnectGetAllDomainStats`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RpcLog(BTreeMap<String, usize>);

impl RpcLog {
    /// Reads a log of the daemon that has the debug lines of `daemon.remote`.
    pub(crate) fn read(log: &str) -> Self {
        let mut calls = BTreeMap::new();
        for line in log.lines() {
            let Some((_, rest)) = line.split_once(" : remoteDispatch") else {
                continue;
            };
            if let Some((procedure, _)) = rest.split_once("Helper:") {
                *calls.entry(procedure.to_owned()).or_default() += 1;
            }
        }
        Self(calls)
    }

    /// How often one procedure was called.
    #[must_use]
    pub fn count(&self, procedure: &str) -> usize {
        self.0.get(procedure).copied().unwrap_or_default()
    }

    /// How often any was called.
    #[must_use]
    pub fn total(&self) -> usize {
        self.0.values().sum()
    }

    /// What was called since an earlier reading.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> BTreeMap<String, usize> {
        self.0
            .iter()
            .map(|(procedure, count)| (procedure.clone(), count - earlier.count(procedure)))
            .filter(|(_, count)| *count > 0)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
2026-11-28 03:47:35.964+0000: 38: debug : remoteDispatchAuthListHelper:20 : server=0x55 client=0x55
2026-11-28 03:47:35.965+0000: 38: error : virNetSocketReadWire:1791 : End of file while reading data
2026-11-28 03:47:35.966+0000: 42: debug : remoteDispatchConnectOpenHelper:3473 : server=0x55 client=0x55
2026-11-28 03:47:35.967+0000: 42: debug : remoteDispatchConnectOpen:1234 : not a call
2026-11-28 03:47:35.968+0000: 43: debug : remoteDispatchConnectOpenHelper:3473 : server=0x55 client=0x55
";

    #[test]
    fn calls_are_counted_by_procedure() {
        let log = RpcLog::read(LOG);
        assert_eq!(
            (log.count("ConnectOpen"), log.count("AuthList"), log.total()),
            (2, 1, 3)
        );
    }

    #[test]
    fn only_later_calls_are_told_of_a_stretch() {
        let earlier = RpcLog::read(LOG.lines().next().unwrap());
        let since = RpcLog::read(LOG).since(&earlier);
        assert_eq!(since, BTreeMap::from([("ConnectOpen".to_owned(), 2)]));
    }
}
