//! The processes of a host: a wrapper that clears up at the end, and inside the namespaces the script `init.sh`, which
//! takes orders. All of them end when the pipe to the owner closes, so also when the owner is killed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use crate::{Options, WhyNot};

/// Runs the host, then removes what it leaves: its directory, and the control groups that the LXC driver makes, unless a
/// libvirtd of the machine may need them.
const WRAPPER: &str = r#"
dir=$1; shift
"$@" 2>"$dir/init.err"
code=$?
if [ ! -e /run/libvirt/libvirtd.pid ] && [ ! -e /run/libvirtd.pid ]; then
    for group in /sys/fs/cgroup/*/machine; do rmdir "$group" 2>/dev/null; done
fi
[ -e "$dir/started" ] && rm -rf "$dir"
exit $code
"#;

/// How long the end may take before it is told as a fault.
const END: Duration = Duration::from_secs(10);

pub(crate) struct Crew {
    wrapper: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Crew {
    pub(crate) fn start(directory: &Path, options: &Options) -> Result<Self, WhyNot> {
        // Mount points: empty, as an installed libvirt has them too.
        for point in [
            "/etc/libvirt",
            "/var/lib/libvirt",
            "/run/libvirt",
            "/var/cache/libvirt",
            "/var/log/libvirt",
        ] {
            std::fs::create_dir_all(point)?;
        }
        let mut command = Command::new("bash");
        command
            .args(["-c", WRAPPER, "libvirt-host"])
            .arg(directory)
            .args(["unshare", "--mount", "--pid", "--uts", "--fork", "--kill-child"])
            .args(["--mount-proc", "--propagation", "private"]);
        if !options.shared_network {
            command.arg("--net");
        }
        command
            .arg("bash")
            .arg(directory.join("init.sh"))
            .arg(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // An interrupt from the terminal is for the owner: this ends after it, and clears up.
            .process_group(0);
        if let Some(name) = &options.host_name {
            command.env("HOST_NAME", name);
        }
        if options.listening {
            command.env("LISTEN", "--listen");
        }
        let mut wrapper = command.spawn()?;
        let (Some(orders), Some(answers)) = (wrapper.stdin.take(), wrapper.stdout.take()) else {
            return Err(WhyNot::SetUp("no pipe to the host".to_owned()));
        };
        Ok(Self {
            wrapper,
            orders: Some(orders),
            answers: BufReader::new(answers),
        })
    }

    /// Whether it ended by itself.
    pub(crate) fn ended(&mut self) -> bool {
        !matches!(self.wrapper.try_wait(), Ok(None))
    }

    /// Gives an order, and waits until it is carried out.
    pub(crate) fn order(&mut self, order: &str) -> std::io::Result<()> {
        let Some(orders) = &mut self.orders else {
            return Err(std::io::ErrorKind::BrokenPipe.into());
        };
        writeln!(orders, "{order}")?;
        let mut answer = String::new();
        if self.answers.read_line(&mut answer)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        drop(self.orders.take());
        let deadline = Instant::now() + END;
        while !self.ended() {
            if Instant::now() > deadline {
                let _ = self.wrapper.kill();
                let _ = self.wrapper.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}
