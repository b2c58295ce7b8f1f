//! A test's own world: a namespace, a simulated host with its declaration, and a Drover that acts on it.

use std::{
    fmt::Debug,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU32, Ordering},
    },
};

use drover::{
    api::{ProxmoxNode, VirtualMachine},
    runtime::{Clock, Settings},
};
use jiff::SignedDuration;
use k8s_openapi::{
    ByteString,
    api::core::v1::{Event, Namespace, Secret},
    apimachinery::pkg::apis::meta::v1::Condition,
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{
        ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, ObjectMeta, Patch,
        PatchParams, PostParams,
    },
    core::NamespaceResourceScope,
};
use pve_sim::{Seed, Simulator, Timing};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    between::Between,
    drover::{InProcess, settings},
    plane::plane,
    process::Process,
};

/// Where the Secrets of hosts are.
const CREDENTIALS: &str = "drover-system";
/// The field manager of the tests, as a person's kubectl.
const MANAGER: &str = "test";

/// The simulators work on a runtime of their own: they outlive a killed Drover, as real hosts do.
pub(super) static HOSTS: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
});

/// A test's own world.
pub(crate) struct World {
    /// Unique in this run: the name of the namespace, of the host and of the Secret.
    pub(crate) name: String,
    /// A client for everything.
    pub(crate) client: Client,
    /// The simulated cluster.
    pub(crate) sim: Simulator,
    settings: Settings,
    clock: Clock,
    between: Option<Arc<dyn Between>>,
    pub(super) drover: Option<InProcess>,
}

type SettingsChange = Box<dyn FnOnce(&mut Settings)>;

/// What is different from the usual world.
pub(crate) struct WorldBuilder {
    name: String,
    seed: Seed,
    host: Value,
    declared: bool,
    drover: bool,
    settings: Option<SettingsChange>,
    clock: Clock,
    between: Option<Arc<dyn Between>>,
}

/// Resources that have conditions.
pub(crate) trait Conditioned:
    Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + serde::Serialize
{
    /// The stored conditions.
    fn conditions(&self) -> &[Condition];
}

impl Conditioned for VirtualMachine {
    fn conditions(&self) -> &[Condition] {
        self.status
            .as_ref()
            .map(|s| s.conditions.as_slice())
            .unwrap_or_default()
    }
}

impl Conditioned for ProxmoxNode {
    fn conditions(&self) -> &[Condition] {
        self.status
            .as_ref()
            .map(|s| s.conditions.as_slice())
            .unwrap_or_default()
    }
}

impl Conditioned for drover::api::LibvirtHost {
    fn conditions(&self) -> &[Condition] {
        self.status
            .as_ref()
            .map(|s| s.conditions.as_slice())
            .unwrap_or_default()
    }
}

/// The condition of a type.
pub(crate) fn condition<'a>(object: &'a impl Conditioned, type_: &str) -> Option<&'a Condition> {
    object.conditions().iter().find(|c| c.type_ == type_)
}

impl WorldBuilder {
    /// Changes what the simulated cluster starts with.
    pub(crate) fn seed(mut self, change: impl FnOnce(Seed) -> Seed) -> Self {
        self.seed = change(self.seed);
        self
    }

    /// Lays fields over the spec of the host's declaration (a JSON merge patch).
    pub(crate) fn host(mut self, fields: Value) -> Self {
        merge(&mut self.host, fields);
        self
    }

    /// Declares no host: the test does.
    pub(crate) fn undeclared(mut self) -> Self {
        self.declared = false;
        self
    }

    /// Starts no Drover: the test does.
    pub(crate) fn without_drover(mut self) -> Self {
        self.drover = false;
        self
    }

    /// Changes how Drover is started.
    pub(crate) fn settings(mut self, change: impl FnOnce(&mut Settings) + 'static) -> Self {
        self.settings = Some(Box::new(change));
        self
    }

    /// Drover's clock is off by so much.
    pub(crate) fn clock_off(mut self, by: SignedDuration) -> Self {
        self.clock = Clock::shifted(by);
        self
    }

    /// Somebody stands between Drover and the Kubernetes API.
    pub(crate) fn between(mut self, between: Arc<dyn Between>) -> Self {
        self.between = Some(between);
        self
    }

    /// Makes it.
    pub(crate) async fn start(self) -> World {
        let client = plane().client();
        let seed = self.seed;
        let sim = HOSTS.spawn(Simulator::start(seed)).await.unwrap().unwrap();
        let mut settings = settings(&format!("test={}", self.name));
        if let Some(change) = self.settings {
            change(&mut settings);
        }
        let mut world = World {
            name: self.name,
            client,
            sim,
            settings,
            clock: self.clock,
            between: self.between,
            drover: None,
        };
        world.create_namespace(&world.name.clone(), json!({})).await;
        if self.declared {
            world.write_secret(world.sim.token_secret()).await;
            world.declare(&world.name.clone(), self.host).await;
        }
        if self.drover {
            world.start_drover();
        }
        world
    }
}

impl World {
    /// The usual world: one node with template 9000 and an ISO, declared and open to all namespaces; Drover runs.
    pub(crate) async fn new(test: &str) -> Self {
        Self::builder(test).start().await
    }

    /// A world that differs.
    pub(crate) fn builder(test: &str) -> WorldBuilder {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let mut test = test.replace('_', "-");
        test.truncate(40);
        let name = format!("{}-{number}", test.trim_matches('-'));
        WorldBuilder {
            name,
            seed: Seed::default().with_timing(Timing::scaled(20.0)),
            host: json!({
                "poll": {"tasks": "200ms", "resources": "500ms", "sweep": "1h"},
                "timeout": "5s",
                "allowedNamespaces": {"from": "All"},
                "tenancy": {"mode": "Trusted"},
                "defaults": {"storage": "local-lvm", "bridge": "vmbr0"},
            }),
            declared: true,
            drover: true,
            settings: None,
            clock: Clock::system(),
            between: None,
        }
    }

    // ---- Drover ----

    /// The selector of the hosts of this world.
    pub(crate) fn selector(&self) -> String {
        format!("test={}", self.name)
    }

    /// Starts a Drover within this process.
    pub(crate) fn start_drover(&mut self) {
        assert!(self.drover.is_none(), "one at a time");
        self.drover = Some(InProcess::start(
            self.settings.clone(),
            self.clock.clone(),
            self.between.clone(),
        ));
    }

    /// Ends it at whatever it does, as SIGKILL does.
    pub(crate) fn kill_drover(&mut self) {
        self.drover.take().expect("it runs").kill();
    }

    /// Ends it in order.
    pub(crate) async fn stop_drover(&mut self) {
        self.drover.take().expect("it runs").stop().await;
    }

    /// Changes how Drover is started the next time.
    pub(crate) fn change_settings(&mut self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings);
    }

    /// Starts the built program for this world's hosts.
    pub(crate) async fn drover_process(&self) -> Process {
        self.drover_process_settling("2s").await
    }

    /// The same, and a create whose answer was lost may arrive for so long.
    pub(crate) async fn drover_process_settling(&self, settle: &str) -> Process {
        let settle = format!("--create-settle={settle}");
        Process::start(&self.selector(), &[&settle, "--leader-elect=false"]).await
    }

    // ---- Kubernetes ----

    /// Makes a namespace with labels; it may be there already.
    pub(crate) async fn create_namespace(&self, name: &str, labels: Value) {
        let namespace: Namespace =
            serde_json::from_value(json!({"metadata": {"name": name, "labels": labels}})).unwrap();
        let api = Api::<Namespace>::all(self.client.clone());
        api.create(&PostParams::default(), &namespace).await.unwrap();
    }

    /// Writes the token of the simulated cluster into the host's Secret.
    pub(crate) async fn write_secret(&self, secret: &str) {
        self.write_credentials(&[("tokenId", self.sim.token_id()), ("tokenSecret", secret)])
            .await;
    }

    /// Writes the host's Secret, with these keys alone.
    pub(crate) async fn write_credentials(&self, keys: &[(&str, &str)]) {
        let bytes = |text: &str| ByteString(text.as_bytes().to_vec());
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                ..ObjectMeta::default()
            },
            data: Some(
                keys.iter()
                    .map(|(key, text)| ((*key).to_owned(), bytes(text)))
                    .collect(),
            ),
            ..Secret::default()
        };
        let api = Api::<Secret>::namespaced(self.client.clone(), CREDENTIALS);
        let params = PatchParams::apply(MANAGER).force();
        api.patch(&self.name, &params, &Patch::Apply(&secret_with_type(&secret)))
            .await
            .unwrap();
    }

    /// Removes the host's Secret.
    pub(crate) async fn delete_secret(&self) {
        let api = Api::<Secret>::namespaced(self.client.clone(), CREDENTIALS);
        api.delete(&self.name, &DeleteParams::default()).await.unwrap();
    }

    /// Declares a host that leads to the simulated cluster, with more fields of its spec.
    pub(crate) async fn declare(&self, name: &str, more: Value) -> ProxmoxNode {
        let mut object = json!({
            "apiVersion": "drover.dev/v1alpha1",
            "kind": "ProxmoxNode",
            "metadata": {"name": name, "labels": {"test": self.name}},
            "spec": {
                "host": "127.0.0.1",
                "port": self.sim.port(),
                "credentialsRef": {"namespace": CREDENTIALS, "name": self.name},
                "tls": {"fingerprint": self.sim.fingerprint()},
            },
        });
        merge(&mut object["spec"], more);
        let node: ProxmoxNode = serde_json::from_value(object).unwrap();
        let api = Api::<ProxmoxNode>::all(self.client.clone());
        api.create(&PostParams::default(), &node).await.unwrap()
    }

    /// Applies YAML, as `kubectl apply --server-side` does. `$HOST` is the host's name; what has no namespace
    /// gets the test's.
    pub(crate) async fn apply(&self, yaml: &str) {
        self.try_apply(yaml).await.unwrap();
    }

    /// Applies YAML that may be refused.
    pub(crate) async fn try_apply(&self, yaml: &str) -> Result<(), kube::Error> {
        let yaml = yaml.replace("$HOST", &self.name);
        for document in serde_yaml::Deserializer::from_str(&yaml) {
            let mut object: DynamicObject = serde::Deserialize::deserialize(document).unwrap();
            let types = object.types.clone().unwrap();
            let kind = GroupVersionKind::try_from(&types).unwrap();
            let resource = ApiResource::from_gvk(&kind);
            let cluster_wide = ["LibvirtHost", "ProxmoxNode", "VirtualMachineClass", "Namespace"]
                .contains(&kind.kind.as_str());
            let api: Api<DynamicObject> = if cluster_wide {
                Api::all_with(self.client.clone(), &resource)
            } else {
                let namespace = object.metadata.namespace.get_or_insert_with(|| self.name.clone());
                Api::namespaced_with(self.client.clone(), &namespace.clone(), &resource)
            };
            let params = PatchParams::apply(MANAGER).force();
            api.patch(&object.name_any(), &params, &Patch::Apply(&object))
                .await?;
        }
        Ok(())
    }

    /// Applies a machine with a spec written as YAML; `hostRef` is added.
    pub(crate) async fn apply_vm(&self, name: &str, spec: &str) {
        self.try_apply_vm(name, spec).await.unwrap();
    }

    /// Applies a machine that may be refused.
    pub(crate) async fn try_apply_vm(&self, name: &str, spec: &str) -> Result<(), kube::Error> {
        let mut spec: Value = serde_yaml::from_str(spec).unwrap();
        if spec.get("hostRef").is_none() {
            spec["hostRef"] = json!({"kind": "ProxmoxNode", "name": self.name});
        }
        let object = json!({
            "apiVersion": "drover.dev/v1alpha1",
            "kind": "VirtualMachine",
            "metadata": {"name": name},
            "spec": spec,
        });
        self.try_apply(&object.to_string()).await
    }

    /// The machines of the test's namespace.
    pub(crate) fn vms(&self) -> Api<VirtualMachine> {
        self.namespaced()
    }

    /// All hosts.
    pub(crate) fn hosts(&self) -> Api<ProxmoxNode> {
        Api::all(self.client.clone())
    }

    fn namespaced<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.name)
    }

    /// A machine as it is now.
    pub(crate) async fn vm(&self, name: &str) -> VirtualMachine {
        self.vms().get(name).await.unwrap()
    }

    /// Changes a machine (a JSON merge patch).
    pub(crate) async fn patch_vm(&self, name: &str, patch: Value) -> VirtualMachine {
        let params = PatchParams::default();
        self.vms()
            .patch(name, &params, &Patch::Merge(patch))
            .await
            .unwrap()
    }

    /// Tries to change a machine.
    pub(crate) async fn try_patch_vm(&self, name: &str, patch: Value) -> Result<VirtualMachine, kube::Error> {
        let params = PatchParams::default();
        self.vms().patch(name, &params, &Patch::Merge(patch)).await
    }

    /// Changes a host (a JSON merge patch).
    pub(crate) async fn patch_host(&self, name: &str, patch: Value) -> ProxmoxNode {
        let params = PatchParams::default();
        self.hosts()
            .patch(name, &params, &Patch::Merge(patch))
            .await
            .unwrap()
    }

    /// Asks for a machine's deletion.
    pub(crate) async fn delete_vm(&self, name: &str) {
        self.vms().delete(name, &DeleteParams::default()).await.unwrap();
    }

    /// The Events about a resource, oldest first, as (type, reason, message).
    pub(crate) async fn events(&self, name: &str) -> Vec<(String, String, String)> {
        let namespaces = Api::<Event>::all(self.client.clone());
        let about = ListParams::default().fields(&format!("involvedObject.name={name}"));
        let mut events = namespaces.list(&about).await.unwrap().items;
        events.retain(|e| {
            [Some(self.name.as_str()), Some("default")].contains(&e.metadata.namespace.as_deref())
        });
        events.sort_by_key(|e| {
            let at = e.event_time.as_ref().map(|t| t.0);
            at.or(e.metadata.creation_timestamp.as_ref().map(|t| t.0))
        });
        let field = |text: Option<String>| text.unwrap_or_default();
        events
            .into_iter()
            .map(|e| (field(e.type_), field(e.reason), field(e.message)))
            .collect()
    }

    /// Waits for an Event about a resource: it comes a moment after the status that it belongs to.
    pub(crate) async fn wait_event(&self, name: &str, reason: &str, part: &str) {
        self.wait_until(&format!("the Event {reason} ({part}) of {name}"), async || {
            let events = self.events(name).await;
            let told = events
                .iter()
                .any(|(_, r, note)| r == reason && note.contains(part));
            told.then_some(())
        })
        .await;
    }

    /// The real kubectl in the test's namespace; what it prints.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> String {
        match self.try_kubectl(arguments) {
            Ok(out) => out,
            Err(err) => panic!("kubectl {}: {err}", arguments.join(" ")),
        }
    }

    /// The real kubectl in the test's namespace; what it prints, or its complaint.
    pub(crate) fn try_kubectl(&self, arguments: &[&str]) -> Result<String, String> {
        let mut all = vec!["--namespace", self.name.as_str()];
        all.extend(arguments);
        let output = plane().kubectl(&all);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() {
            Ok(text(&output.stdout))
        } else {
            Err(text(&output.stderr))
        }
    }
}

/// A Secret for server-side apply, which wants to know the kind.
fn secret_with_type(secret: &Secret) -> Value {
    let mut object = serde_json::to_value(secret).unwrap();
    object["apiVersion"] = "v1".into();
    object["kind"] = "Secret".into();
    object
}

/// A JSON merge patch.
fn merge(into: &mut Value, patch: Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (key, value) in patch {
                if value.is_null() {
                    into.remove(&key);
                } else {
                    merge(into.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        (into, patch) => *into = patch,
    }
}
