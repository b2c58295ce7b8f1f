//! The command lines of the control plane's programs.

use std::{ffi::OsString, path::Path, time::Duration};

use super::{
    assets::Assets, child::Program, control_plane::Options, credentials::Credentials, data_dir::DataDir,
};

/// Sockets in the shared working directory: etcd makes files of these very names there.
const ETCD_CLIENTS: &str = "unix://localhost:2379";
const ETCD_PEERS: &str = "unix://localhost:2380";

/// What the command lines are made of.
pub(super) struct Programs<'a> {
    pub(super) data: &'a DataDir,
    pub(super) assets: &'a Assets,
    pub(super) credentials: &'a Credentials,
    pub(super) port: u16,
    pub(super) options: &'a Options,
}

impl Programs<'_> {
    /// Reached through its socket alone, in a directory that only the owner may enter: it needs no certificates.
    pub(super) fn etcd(&self) -> Program {
        let mut args = vec![
            option("data-dir", &self.data.etcd()),
            format!("--listen-client-urls={ETCD_CLIENTS}").into(),
            format!("--advertise-client-urls={ETCD_CLIENTS}").into(),
            format!("--listen-peer-urls={ETCD_PEERS}").into(),
            format!("--initial-advertise-peer-urls={ETCD_PEERS}").into(),
            format!("--initial-cluster=default={ETCD_PEERS}").into(),
            "--log-level=warn".into(),
        ];
        if !self.options.fsync {
            args.push("--unsafe-no-fsync".into());
        }
        self.program("etcd", &self.assets.etcd, args, Duration::from_secs(10))
    }

    pub(super) fn kube_apiserver(&self) -> Program {
        let keys = self.credentials;
        let mut args = vec![
            option("cert-dir", &self.data.pki()),
            option("tls-cert-file", &keys.serving_certificate()),
            option("tls-private-key-file", &keys.serving_key()),
            option("token-auth-file", &keys.token_file()),
            option("service-account-key-file", &keys.account_public_key()),
            option("service-account-signing-key-file", &keys.account_key()),
            format!("--secure-port={}", self.port).into(),
            format!("--etcd-servers={ETCD_CLIENTS}").into(),
        ];
        args.extend(
            [
                "--bind-address=127.0.0.1",
                "--anonymous-auth=false",
                "--authorization-mode=RBAC",
                "--service-account-issuer=https://kubernetes.default.svc",
                "--service-cluster-ip-range=10.0.0.0/24",
                "--endpoint-reconciler-type=none",
                // There are no pods to give tokens to, and it would hold objects up until accounts exist.
                "--disable-admission-plugins=ServiceAccount",
                "--profiling=false",
            ]
            .map(OsString::from),
        );
        let grace = Duration::from_secs(10);
        self.program("kube-apiserver", &self.assets.kube_apiserver, args, grace)
    }

    pub(super) fn kube_controller_manager(&self) -> Program {
        let keys = self.credentials;
        let kubeconfig = self.data.pki().join("controller-manager.kubeconfig");
        let mut args = vec![
            option("kubeconfig", &kubeconfig),
            option("service-account-private-key-file", &keys.account_key()),
            option("root-ca-file", &keys.ca_file()),
        ];
        args.extend(
            [
                // Nobody asks it anything, and a port less can't collide.
                "--secure-port=0",
                "--leader-elect=false",
                concat!(
                    "--controllers=garbage-collector-controller,namespace-controller,serviceaccount-controller,",
                    "serviceaccount-token-controller,root-ca-certificate-publisher-controller"
                ),
            ]
            .map(OsString::from),
        );
        let path = &self.assets.kube_controller_manager;
        self.program("kube-controller-manager", path, args, Duration::from_secs(5))
    }

    fn program(&self, name: &'static str, path: &Path, args: Vec<OsString>, grace: Duration) -> Program {
        Program {
            name,
            path: path.to_owned(),
            args,
            directory: self.data.sockets(),
            log: self.data.logs().join(format!("{name}.log")),
            record: self.data.run().join(format!("{name}.json")),
            die_with_parent: self.options.die_with_parent,
            grace,
        }
    }
}

fn option(name: &str, value: &Path) -> OsString {
    let mut text = OsString::from(format!("--{name}="));
    text.push(value);
    text
}
