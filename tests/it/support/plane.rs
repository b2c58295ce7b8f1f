//! The control plane that all tests of a run share: real programs, Drover's kinds installed once.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::LazyLock,
    time::Duration,
};

use drover::standalone::{Background, Options, Search, install_crds};
use kube::Client;

/// What `make tools` makes.
pub(crate) const TOOLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools/bin");

/// The shared control plane. Its programs end with this process, in whatever way it ends.
pub(crate) struct Plane {
    background: Background,
    kubectl: PathBuf,
}

/// Starts the control plane at the first call.
pub(crate) fn plane() -> &'static Plane {
    static PLANE: LazyLock<Plane> = LazyLock::new(Plane::start);
    &PLANE
}

/// Where the programs are looked for.
pub(crate) fn search() -> Search {
    let named = |variable| std::env::var_os(variable).map(PathBuf::from);
    Search {
        assets_dir: Some(named("DROVER_ASSETS_DIR").unwrap_or_else(|| TOOLS.into())),
        kubebuilder_assets: named("KUBEBUILDER_ASSETS"),
        path: std::env::var_os("PATH"),
        ..Search::default()
    }
}

impl Plane {
    fn start() -> Self {
        let search = search();
        let kubectl = match (search.assets(), search.find("kubectl")) {
            (Ok(_), Some(kubectl)) => kubectl,
            (Err(missing), _) => {
                panic!("the control plane's programs are missing: run `make tools`. {missing}")
            }
            (_, None) => panic!("kubectl is missing: run `make tools`"),
        };
        let directory = own_directory();
        let background = Background::start(Options::ephemeral(directory, search)).unwrap();
        let plane = Self { background, kubectl };
        // A thread, because the caller may be within a runtime already.
        std::thread::scope(|scope| {
            let installing = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.unwrap().block_on(async {
                    let within = Duration::from_mins(1);
                    install_crds(&plane.client(), &drover::api::crds(), within)
                        .await
                        .unwrap();
                });
            });
            installing.join().unwrap();
        });
        plane
    }

    /// A client for the runtime of the caller.
    pub(crate) fn client(&self) -> Client {
        Client::try_from(self.background.client_config()).unwrap()
    }

    /// The file that kubectl and the program need.
    pub(crate) fn kubeconfig(&self) -> &Path {
        self.background.kubeconfig()
    }

    /// The real kubectl.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> Output {
        Command::new(&self.kubectl)
            .arg("--kubeconfig")
            .arg(self.kubeconfig())
            .args(arguments)
            .output()
            .unwrap()
    }
}

/// A directory of this process; those of processes that are gone are removed.
fn own_directory() -> PathBuf {
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix("plane-"));
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _another_run_was_faster = fs::remove_dir_all(entry.path());
        }
    }
    parent.join(format!("plane-{}", std::process::id()))
}
