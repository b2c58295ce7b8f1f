//! One host: how it is started, reached, disturbed and ended.

use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::crew::Crew;
use crate::layout::{self, Ports};
use crate::pki::CLIENT;
use crate::{ClientFiles, Options, Pki, RpcLog, WhyNot};

/// How long a host may take until it answers, on a machine that does much else.
const ANSWER: Duration = Duration::from_mins(1);

/// A libvirt host that ends with this value.
pub struct LibvirtHost {
    directory: PathBuf,
    uuid: Uuid,
    ports: Option<Ports>,
    pki: Option<Pki>,
    crew: Mutex<Crew>,
}

fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/sbin")])
        .any(|folder| folder.join(program).is_file())
}

fn free_port() -> Result<u16, WhyNot> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

impl LibvirtHost {
    /// Starts a host, and waits until it answers.
    pub fn start(options: &Options) -> Result<Self, WhyNot> {
        if let Some(contradiction) = options.contradiction() {
            return Err(WhyNot::SetUp(contradiction.to_owned()));
        }
        for program in ["bash", "unshare", "ip", "libvirtd", "virsh"] {
            if !installed(program) {
                return Err(WhyNot::NoProgram(program));
            }
        }
        if std::fs::metadata("/proc/self")?.uid() != 0 {
            return Err(WhyNot::NotRoot);
        }
        let uuid = Uuid::new_v4();
        let directory = std::env::temp_dir().join(format!("lvh-{}", &uuid.simple().to_string()[..10]));
        std::fs::create_dir(&directory)?;
        match Self::start_in(&directory, options, uuid) {
            Ok(host) => Ok(host),
            Err(why) => {
                let _ = std::fs::remove_dir_all(&directory);
                Err(why)
            }
        }
    }

    /// Like [`Self::start`], for a test that is skipped where there can be no host: it is said why.
    #[allow(clippy::print_stdout, reason = "a test's output is its report")]
    #[must_use]
    pub fn start_or_say(options: &Options) -> Option<Self> {
        match Self::start(options) {
            Ok(host) => Some(host),
            Err(why) => {
                println!("skipped: {why}");
                None
            }
        }
    }

    fn start_in(directory: &Path, options: &Options, uuid: Uuid) -> Result<Self, WhyNot> {
        let (mut ports, mut pki) = (None, None);
        if options.listening {
            ports = Some(Ports {
                tcp: free_port()?,
                tls: free_port()?,
            });
            let authority = Pki::new()?;
            authority.write_server(&directory.join("pki"))?;
            pki = Some(authority);
        }
        layout::write(directory, options, &uuid.to_string(), ports)?;
        let host = Self {
            directory: directory.to_owned(),
            uuid,
            ports,
            pki,
            crew: Mutex::new(Crew::start(directory, options)?),
        };
        host.wait()?;
        // From here on the wrapper removes the directory when the host ends.
        std::fs::write(directory.join("started"), "")?;
        Ok(host)
    }

    /// Waits until the socket is there and a first call is answered.
    fn wait(&self) -> Result<(), WhyNot> {
        let deadline = Instant::now() + ANSWER;
        while UnixStream::connect(self.socket()).is_err() {
            let ended = self.crew.lock().unwrap_or_else(PoisonError::into_inner).ended();
            if ended || Instant::now() > deadline {
                return Err(self.why_not());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.virsh(&["uri"]).map_err(WhyNot::NoAnswer)?;
        Ok(())
    }

    fn why_not(&self) -> WhyNot {
        let read = |name: &str| std::fs::read_to_string(self.directory.join(name)).unwrap_or_default();
        let said = read("init.err");
        if said.contains("unshare") || said.contains("mount:") {
            return WhyNot::NoNamespaces(said.trim().to_owned());
        }
        WhyNot::NoAnswer(format!("{said}{}{}", read("libvirtd.out"), read("libvirtd.log")))
    }

    /// The socket of the daemon.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory.join("sock/libvirt-sock")
    }

    /// The host's UUID, as its capabilities tell it.
    #[must_use]
    pub fn uuid(&self) -> Uuid {
        self.uuid
    }

    /// Where volumes of the pool `default` lie, seen from outside. Inside it is `/var/lib/libvirt/images`.
    #[must_use]
    pub fn images(&self) -> PathBuf {
        self.directory.join("lib/images")
    }

    /// The URI of its QEMU driver.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("qemu+unix:///system?socket={}", self.socket().display())
    }

    /// The URI of its LXC driver.
    #[must_use]
    pub fn lxc_uri(&self) -> String {
        format!("lxc+unix:///system?socket={}", self.socket().display())
    }

    /// The URI of libvirt's test driver in this daemon: a feigned host behind a real connection.
    #[must_use]
    pub fn test_driver_uri(&self) -> String {
        format!("test+unix:///default?socket={}", self.socket().display())
    }

    /// The URI of its QEMU driver by TLS, if it listens.
    #[must_use]
    pub fn tls_uri(&self) -> Option<String> {
        let port = self.ports?.tls;
        Some(format!("qemu+tls://localhost:{port}/system"))
    }

    /// The URI of its QEMU driver by TCP, if it listens.
    #[must_use]
    pub fn tcp_uri(&self) -> Option<String> {
        let port = self.ports?.tcp;
        Some(format!("qemu+tcp://127.0.0.1:{port}/system"))
    }

    /// The authority that signed its certificate, if it listens.
    #[must_use]
    pub fn pki(&self) -> Option<&Pki> {
        self.pki.as_ref()
    }

    /// What the one client shows that it admits by TLS, if it listens.
    pub fn client_files(&self) -> Option<Result<ClientFiles, WhyNot>> {
        Some(self.pki()?.client(CLIENT))
    }

    /// Runs `virsh` on its QEMU driver: what it printed, or what it complained of.
    pub fn virsh(&self, arguments: &[&str]) -> Result<String, String> {
        self.virsh_on(&self.uri(), arguments)
    }

    /// Runs `virsh` on its test driver.
    pub fn virsh_test(&self, arguments: &[&str]) -> Result<String, String> {
        self.virsh_on(&self.test_driver_uri(), arguments)
    }

    fn virsh_on(&self, uri: &str, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new("virsh")
            .args(["-q", "-c", uri])
            .args(arguments)
            .current_dir(&self.directory)
            .env("LC_ALL", "C")
            .output()
            .map_err(|error| error.to_string())?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).trim_end().to_owned())
        }
    }

    /// What clients asked since the start, also of earlier daemons.
    #[must_use]
    pub fn rpc_log(&self) -> RpcLog {
        let log = std::fs::read(self.directory.join("libvirtd.log")).unwrap_or_default();
        RpcLog::read(&String::from_utf8_lossy(&log))
    }

    /// The daemon's own log.
    #[must_use]
    pub fn log(&self) -> String {
        let log = std::fs::read(self.directory.join("libvirtd.log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    fn order(&self, order: &str) -> Result<(), WhyNot> {
        self.crew
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .order(order)
            .map_err(|error| WhyNot::SetUp(format!("{order}: {error}")))
    }

    /// Kills the daemon. Guests go on.
    pub fn kill_daemon(&self) -> Result<(), WhyNot> {
        self.order("kill")?;
        // Else who waits for the next one would take the dead one's socket for it.
        let _ = std::fs::remove_file(self.socket());
        Ok(())
    }

    /// Kills the daemon, starts another one, and waits until it answers.
    pub fn restart_daemon(&self) -> Result<(), WhyNot> {
        self.kill_daemon()?;
        self.start_daemon()
    }

    /// Starts a daemon after [`Self::kill_daemon`], and waits until it answers.
    pub fn start_daemon(&self) -> Result<(), WhyNot> {
        self.order("start")?;
        self.wait()
    }

    /// Stops the daemon's processes (SIGSTOP): connections stay open, and nothing is answered.
    pub fn stop_daemon(&self) -> Result<(), WhyNot> {
        self.order("stop")
    }

    /// Lets a stopped daemon go on.
    pub fn continue_daemon(&self) -> Result<(), WhyNot> {
        self.order("continue")
    }
}
