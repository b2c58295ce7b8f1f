//! The files of a host: the daemon's configuration, pool and network as they would stand in `/etc/libvirt`, and the
//! two scripts that start it. All in one directory, whose path is kept short: a socket's may have 108 bytes.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::pki::CLIENT;
use crate::{Options, WhyNot};

const INIT: &str = include_str!("init.sh");

/// Guests belong to root and have no cgroups, security labels or namespaces: nothing of them shows outside.
const QEMU: &str = "\
user = \"root\"
group = \"root\"
dynamic_ownership = 0
remember_owner = 0
security_driver = \"none\"
cgroup_controllers = [ ]
namespaces = [ ]
stdio_handler = \"file\"
";

const POOL: &str =
    "<pool type='dir'><name>default</name><target><path>/var/lib/libvirt/images</path></target></pool>\n";

const NETWORK: &str = "\
<network><name>default</name><forward mode='nat'/><bridge name='virbr0' stp='on' delay='0'/>
<ip address='192.168.177.1' netmask='255.255.255.0'><dhcp><range start='192.168.177.10' end='192.168.177.250'/></dhcp></ip>
</network>
";

/// Ports of a host that listens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) tcp: u16,
    pub(crate) tls: u16,
}

fn daemon(directory: &str, uuid: &str, ports: Option<Ports>) -> String {
    let listeners = ports.map(|ports| listeners(directory, ports)).unwrap_or_default();
    format!(
        "unix_sock_dir = \"{directory}/sock\"
unix_sock_group = \"root\"
unix_sock_rw_perms = \"0700\"
unix_sock_ro_perms = \"0700\"
unix_sock_admin_perms = \"0700\"
auth_unix_ro = \"none\"
auth_unix_rw = \"none\"
host_uuid = \"{uuid}\"
log_level = 3
log_filters = \"1:daemon.remote\"
log_outputs = \"1:file:{directory}/libvirtd.log\"
{listeners}"
    )
}

fn listeners(directory: &str, Ports { tcp, tls }: Ports) -> String {
    format!(
        "listen_tcp = 1
listen_tls = 1
listen_addr = \"127.0.0.1\"
tcp_port = \"{tcp}\"
tls_port = \"{tls}\"
auth_tcp = \"none\"
auth_tls = \"none\"
ca_file = \"{directory}/pki/ca.pem\"
cert_file = \"{directory}/pki/server.pem\"
key_file = \"{directory}/pki/server.key\"
tls_allowed_dn_list = [\"CN={CLIENT}\"]
"
    )
}

/// An account file of the machine, with the account that libvirtd insists on.
fn with_account(file: &str, line: &str) -> Result<String, WhyNot> {
    let mut text = fs::read_to_string(file)?;
    if !text.lines().any(|known| known.starts_with("libvirt-qemu:")) {
        text += line;
    }
    Ok(text)
}

/// Writes all files of a host into its directory.
pub(crate) fn write(
    directory: &Path,
    options: &Options,
    uuid: &str,
    ports: Option<Ports>,
) -> Result<(), WhyNot> {
    let at = |name: &str| directory.join(name);
    for folder in [
        "etc/storage/autostart",
        "etc/qemu/networks/autostart",
        "lib/images",
        "run",
        "cache",
        "log",
        "sock",
        "dev",
    ] {
        fs::create_dir_all(at(folder))?;
    }
    let path = directory.display().to_string();
    fs::write(at("etc/libvirtd.conf"), daemon(&path, uuid, ports))?;
    fs::write(at("etc/qemu.conf"), QEMU)?;
    fs::write(at("etc/lxc.conf"), "security_driver = \"none\"\n")?;
    fs::write(at("etc/storage/default.xml"), POOL)?;
    symlink(
        "/etc/libvirt/storage/default.xml",
        at("etc/storage/autostart/default.xml"),
    )?;
    if options.nat_network {
        fs::write(at("etc/qemu/networks/default.xml"), NETWORK)?;
        symlink(
            "/etc/libvirt/qemu/networks/default.xml",
            at("etc/qemu/networks/autostart/default.xml"),
        )?;
    }
    fs::write(
        at("passwd"),
        with_account(
            "/etc/passwd",
            "libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin\n",
        )?,
    )?;
    fs::write(
        at("group"),
        with_account("/etc/group", "libvirt-qemu:x:64055:\n")?,
    )?;
    fs::write(at("init.sh"), INIT)?;
    Ok(())
}
