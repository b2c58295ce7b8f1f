//! What is counted and measured, with one typed method an event. Names and labels are part of the
//! interface: dashboards and alerts read them. No label takes a guest's name, so the number of series
//! grows with hosts only.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64},
    },
    time::{Duration, Instant},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text},
    metrics::{
        MetricType,
        counter::Counter,
        family::Family,
        gauge::{ConstGauge, Gauge},
        histogram::Histogram,
        info::Info,
    },
    registry::{Registry, Unit},
};

use super::{Class, Clock};

/// The metrics of one Drover; clones share them.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    clock: Clock,
    reconciles: Family<KindOutcome, Counter>,
    reconcile_duration: Durations<Kind>,
    host_requests: Family<Request, Counter>,
    host_request_duration: Durations<Host>,
    leader: Gauge<i64, AtomicI64>,
    host_up: Family<Host, Gauge<i64, AtomicI64>>,
    host_guests: Family<Host, Gauge<i64, AtomicI64>>,
    tasks_running: Family<Host, Gauge<i64, AtomicI64>>,
    snapshots: Arc<Snapshots>,
    actions: Family<ActionOutcome, Counter>,
    kubernetes_writes: Family<Write, Counter<u64, AtomicU64>>,
    /// Which request series a host has, so that they can be removed with it.
    request_labels: Mutex<BTreeMap<String, BTreeSet<(&'static str, &'static str)>>>,
}

type Durations<L> = Family<L, Histogram, fn() -> Histogram>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindOutcome {
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Host {
    host: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    host: String,
    operation: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ActionOutcome {
    action: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Write {
    kind: &'static str,
    verb: &'static str,
}

impl Metrics {
    /// Metrics that all stand at zero.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let mut registry = Registry::with_prefix("drover");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version of Drover that answers", build);
        let snapshots = Arc::new(Snapshots {
            clock: clock.clone(),
            taken: Mutex::default(),
        });
        registry.register_collector(Box::new(Arc::clone(&snapshots)));

        let reconciles = add(
            &mut registry,
            "reconcile",
            "Passes over a resource, by how they ended (ok or the class of the error)",
        );
        let reconcile_duration = durations(
            &mut registry,
            "reconcile_duration",
            "How long a pass over a resource took",
        );
        let host_requests = add(
            &mut registry,
            "host_requests",
            "Requests to a hypervisor, by how they ended (ok or the class of the error)",
        );
        let host_request_duration = durations(
            &mut registry,
            "host_request_duration",
            "How long a request to a hypervisor took",
        );
        let leader = add(
            &mut registry,
            "leader",
            "Whether this replica holds the lease (1 or 0); 0 where none is needed",
        );
        let host_up = add(
            &mut registry,
            "host_up",
            "Whether the host answered when it was last asked (1 or 0)",
        );
        let host_guests = add(
            &mut registry,
            "host_guests",
            "Guests on the host, foreign ones included, when it was last seen",
        );
        let tasks_running = add(
            &mut registry,
            "tasks_running",
            "Tasks on the host that Drover waits for",
        );
        let actions = add(
            &mut registry,
            "actions",
            "Changes that Drover made or tried on a host, by how they ended",
        );
        let kubernetes_writes = add(&mut registry, "kubernetes_writes", "Writes to the Kubernetes API");
        Self(Arc::new(Inner {
            registry,
            clock,
            reconciles,
            reconcile_duration,
            host_requests,
            host_request_duration,
            leader,
            host_up,
            host_guests,
            tasks_running,
            snapshots,
            actions,
            kubernetes_writes,
            request_labels: Mutex::default(),
        }))
    }

    /// One pass over a resource of a kind ended.
    pub fn reconciled(&self, kind: &'static str, outcome: Result<(), Class>, took: Duration) {
        let outcome = label(outcome);
        self.0
            .reconciles
            .get_or_create(&KindOutcome { kind, outcome })
            .inc();
        let histogram = self.0.reconcile_duration.get_or_create(&Kind { kind });
        histogram.observe(took.as_secs_f64());
    }

    /// One request to a host ended. `operation` is the driver's call, such as `overview` or `guest_config`.
    pub fn host_request(
        &self,
        host: &str,
        operation: &'static str,
        outcome: Result<(), Class>,
        took: Duration,
    ) {
        let outcome = label(outcome);
        let mut seen = self.lock_requests();
        seen.entry(host.to_owned())
            .or_default()
            .insert((operation, outcome));
        drop(seen);
        let request = Request {
            host: host.to_owned(),
            operation,
            outcome,
        };
        self.0.host_requests.get_or_create(&request).inc();
        let histogram = self.0.host_request_duration.get_or_create(&host_label(host));
        histogram.observe(took.as_secs_f64());
    }

    /// Whether this replica holds the lease.
    pub fn leading(&self, leading: bool) {
        self.0.leader.set(leading.into());
    }

    /// Whether a host answered when it was last asked.
    pub fn host_up(&self, host: &str, up: bool) {
        self.0.host_up.get_or_create(&host_label(host)).set(up.into());
    }

    /// How many guests a host has, foreign ones included.
    pub fn host_guests(&self, host: &str, guests: usize) {
        set(&self.0.host_guests, host, guests);
    }

    /// A fresh snapshot of a host was taken; its age is computed at each scrape.
    pub fn host_snapshot(&self, host: &str) {
        let now = self.0.clock.instant();
        self.0.snapshots.lock().insert(host.to_owned(), now);
    }

    /// How many tasks on a host are waited for.
    pub fn tasks_running(&self, host: &str, tasks: usize) {
        set(&self.0.tasks_running, host, tasks);
    }

    /// A change on a host ended: `action` is one of the planner's, such as `create` or `grow-disk`.
    pub fn action(&self, action: &'static str, outcome: Result<(), Class>) {
        let outcome = label(outcome);
        self.0
            .actions
            .get_or_create(&ActionOutcome { action, outcome })
            .inc();
    }

    /// Something was written to the Kubernetes API: `verb` as RBAC names it, with `-status` for a status.
    pub fn kubernetes_write(&self, kind: &'static str, verb: &'static str) {
        self.0
            .kubernetes_writes
            .get_or_create(&Write { kind, verb })
            .inc();
    }

    /// Removes the series of a host that is no longer there.
    pub fn forget_host(&self, host: &str) {
        let seen = self.lock_requests().remove(host).unwrap_or_default();
        for (operation, outcome) in seen {
            let host = host.to_owned();
            self.0.host_requests.remove(&Request {
                host,
                operation,
                outcome,
            });
        }
        let label = host_label(host);
        self.0.host_request_duration.remove(&label);
        for family in [&self.0.host_up, &self.0.host_guests, &self.0.tasks_running] {
            family.remove(&label);
        }
        self.0.snapshots.lock().remove(host);
    }

    /// All metrics as `OpenMetrics` text.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.0.registry)?;
        Ok(text)
    }

    fn lock_requests(
        &self,
    ) -> std::sync::MutexGuard<'_, BTreeMap<String, BTreeSet<(&'static str, &'static str)>>> {
        self.0
            .request_labels
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// When each host's snapshot was taken. Its age is what is published: a host that no longer answers must
/// age in the metrics too, though nobody touches it.
#[derive(Debug)]
struct Snapshots {
    clock: Clock,
    taken: Mutex<BTreeMap<String, Instant>>,
}

impl Snapshots {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Instant>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for Snapshots {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let now = self.clock.instant();
        let taken = self.lock().clone();
        let help = "How long ago the host's last complete snapshot was taken";
        let mut family =
            encoder.encode_descriptor("host_snapshot_age", help, Some(&Unit::Seconds), MetricType::Gauge)?;
        for (host, at) in taken {
            let age = ConstGauge::new(now.saturating_duration_since(at).as_secs_f64());
            age.encode(family.encode_family(&Host { host })?)?;
        }
        Ok(())
    }
}

fn add<M>(registry: &mut Registry, name: &str, help: &str) -> M
where
    M: prometheus_client::registry::Metric + Clone + Default,
{
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

fn durations<L>(registry: &mut Registry, name: &str, help: &str) -> Durations<L>
where
    L: EncodeLabelSet + Clone + fmt::Debug + std::hash::Hash + Eq + Send + Sync + 'static,
{
    // From what a local call takes to the longest time-out that is configured for one.
    const BUCKETS: [f64; 12] = [
        0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    ];
    let family: Durations<L> = Family::new_with_constructor(|| Histogram::new(BUCKETS));
    registry.register_with_unit(name, help, Unit::Seconds, family.clone());
    family
}

fn set(family: &Family<Host, Gauge<i64, AtomicI64>>, host: &str, value: usize) {
    let value = i64::try_from(value).unwrap_or(i64::MAX);
    family.get_or_create(&host_label(host)).set(value);
}

fn host_label(host: &str) -> Host {
    Host {
        host: host.to_owned(),
    }
}

fn label(outcome: Result<(), Class>) -> &'static str {
    outcome.map_or_else(Class::as_str, |()| "ok")
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn assert_line(text: &str, line: &str) {
        assert!(text.lines().any(|l| l == line), "no line {line:?} in\n{text}");
    }

    #[test]
    fn every_event_is_found_in_the_text_under_its_documented_name() {
        let metrics = Metrics::new(Clock::manual(Timestamp::UNIX_EPOCH));
        metrics.reconciled("VirtualMachine", Ok(()), Duration::from_millis(20));
        metrics.reconciled("VirtualMachine", Err(Class::Busy), Duration::from_millis(20));
        metrics.host_request("pve1", "overview", Ok(()), Duration::from_secs(3));
        metrics.host_up("pve1", true);
        metrics.host_snapshot("pve1");
        metrics.host_guests("pve1", 12);
        metrics.tasks_running("pve1", 2);
        metrics.action("create", Err(Class::Transient));
        metrics.kubernetes_write("VirtualMachine", "patch-status");

        let text = metrics.encode().unwrap();
        for line in [
            r#"drover_reconcile_total{kind="VirtualMachine",outcome="ok"} 1"#,
            r#"drover_reconcile_total{kind="VirtualMachine",outcome="busy"} 1"#,
            r#"drover_reconcile_duration_seconds_count{kind="VirtualMachine"} 2"#,
            r#"drover_host_requests_total{host="pve1",operation="overview",outcome="ok"} 1"#,
            r#"drover_host_request_duration_seconds_bucket{le="5.0",host="pve1"} 1"#,
            r#"drover_host_up{host="pve1"} 1"#,
            r#"drover_host_guests{host="pve1"} 12"#,
            r#"drover_host_snapshot_age_seconds{host="pve1"} 0.0"#,
            r#"drover_tasks_running{host="pve1"} 2"#,
            r#"drover_actions_total{action="create",outcome="transient"} 1"#,
            r#"drover_kubernetes_writes_total{kind="VirtualMachine",verb="patch-status"} 1"#,
            concat!(
                r#"drover_build_info{version=""#,
                env!("CARGO_PKG_VERSION"),
                r#""} 1"#
            ),
        ] {
            assert_line(&text, line);
        }
    }

    #[test]
    fn snapshot_of_a_silent_host_ages() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let metrics = Metrics::new(clock.clone());
        metrics.host_snapshot("pve1");
        clock.advance(Duration::from_secs(61));
        assert_line(
            &metrics.encode().unwrap(),
            r#"drover_host_snapshot_age_seconds{host="pve1"} 61.0"#,
        );
    }

    #[test]
    fn forgotten_host_leaves_no_series() {
        let metrics = Metrics::new(Clock::system());
        metrics.host_request("pve1", "overview", Ok(()), Duration::ZERO);
        metrics.host_request("pve1", "POST", Err(Class::Busy), Duration::ZERO);
        metrics.host_up("pve1", false);
        metrics.host_snapshot("pve1");
        metrics.tasks_running("pve1", 1);
        metrics.forget_host("pve1");
        assert!(!metrics.encode().unwrap().contains("pve1"));
    }
}
