//! What people and misfortune do to the hosts behind the API's back, as data: for the admin API and for scenarios.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::hands::HandsError;
use crate::seed::{Rights, SeedGuest, SeedToken, Shutdown};
use crate::simulator::{Core, Simulator, StartError};
use crate::state::NodeProxy;

/// One thing that happens at once, without a task and without a request. In JSON and YAML: `{happen: power-off, vmid: 105}`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "happen", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Happening {
    /// Somebody starts a guest.
    PowerOn {
        /// Which.
        vmid: u32,
    },
    /// A guest's plug is pulled, or its system shuts down.
    PowerOff {
        /// Which.
        vmid: u32,
    },
    /// Somebody edits a guest's file: options set, or removed with `null`.
    Reconfigure {
        /// Whose.
        vmid: u32,
        /// Option and value.
        config: BTreeMap<String, Option<String>>,
    },
    /// Somebody gives a guest another name.
    Rename {
        /// Which.
        vmid: u32,
        /// The new name.
        name: String,
    },
    /// A lock is left behind; without `lock` it is taken away (`qm unlock`).
    Lock {
        /// On which guest.
        vmid: u32,
        /// As `backup`.
        #[serde(default)]
        lock: Option<String>,
    },
    /// Somebody destroys a guest, running or not.
    Destroy {
        /// Which.
        vmid: u32,
    },
    /// Somebody destroys a guest, and makes another one under its number.
    Recycle {
        /// Which.
        vmid: u32,
    },
    /// Somebody clones a guest by hand, notes and all.
    Copy {
        /// Which.
        vmid: u32,
        /// Under which number.
        new_vmid: u32,
        /// The copy's name.
        name: String,
    },
    /// A guest is moved to another node with its disks.
    Move {
        /// Which.
        vmid: u32,
        /// Whereto.
        node: String,
    },
    /// Somebody makes a guest.
    Appear {
        /// As in a seed.
        guest: SeedGuest,
    },
    /// A guest behaves differently from now on.
    Behave {
        /// Which.
        vmid: u32,
        /// When told to shut down.
        #[serde(default)]
        shutdown: Option<Shutdown>,
        /// Whether an agent answers inside.
        #[serde(default)]
        agent: Option<bool>,
    },
    /// A node is lost, or comes back.
    Node {
        /// Which.
        node: String,
        /// Whether it is there.
        online: bool,
    },
    /// Other nodes meet something else when they pass calls on to a node, which stays up.
    Proxy {
        /// Which.
        node: String,
        /// What they meet.
        proxy: NodeProxy,
    },
    /// The cluster loses its quorum, or finds it again.
    Quorum {
        /// Whether it has it.
        quorate: bool,
    },
    /// A token's rights change: a list, or `null` for all that its user may.
    Rights {
        /// Full id of the token.
        token: String,
        /// The new rights.
        rights: Option<Vec<Rights>>,
    },
    /// A token gets another secret.
    Secret {
        /// Full id of the token.
        token: String,
        /// The new secret.
        secret: String,
    },
    /// A token is made, or replaced.
    Grant {
        /// As in a seed.
        token: SeedToken,
    },
    /// A token is removed.
    Revoke {
        /// Full id.
        token: String,
    },
    /// A volume is removed, whoever uses it.
    RemoveVolume {
        /// On which node.
        node: String,
        /// Which.
        volid: String,
    },
    /// Somebody runs a backup job now, as the button in the web interface does.
    BackupJob {
        /// Which.
        id: String,
    },
    /// Somebody at the shell works on a guest and has its lock file; calls and tasks wait for it, and give up.
    LockFile {
        /// Whose.
        vmid: u32,
        /// Whether it is taken, or let go of.
        taken: bool,
    },
    /// Somebody has the lock of a storage: tasks that make volumes on it wait, and give up.
    StorageLock {
        /// On which node; of no account for a storage that all share. The first one when absent.
        #[serde(default)]
        node: Option<String>,
        /// Which.
        storage: String,
        /// Whether it is taken, or let go of.
        taken: bool,
    },
    /// Tasks stop where they have something to wait for, and at the latest before they end; or go on.
    Tasks {
        /// Whether they are held.
        held: bool,
    },
    /// The whole host stops listening, or listens again.
    Listener {
        /// Whether it listens.
        up: bool,
    },
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PowerOn { vmid } => write!(f, "guest {vmid} is started by hand"),
            Self::PowerOff { vmid } => write!(f, "guest {vmid} loses its power"),
            Self::Reconfigure { vmid, config } => {
                let options: Vec<&str> = config.keys().map(String::as_str).collect();
                write!(f, "the file of guest {vmid} is edited ({})", options.join(", "))
            }
            Self::Rename { vmid, name } => write!(f, "guest {vmid} is renamed '{name}'"),
            Self::Lock {
                vmid,
                lock: Some(lock),
            } => write!(f, "guest {vmid} is left locked ({lock})"),
            Self::Lock { vmid, lock: None } => write!(f, "guest {vmid} is unlocked by hand"),
            Self::Destroy { vmid } => write!(f, "guest {vmid} is destroyed by hand"),
            Self::Recycle { vmid } => write!(
                f,
                "guest {vmid} is destroyed by hand, and another one made under its number"
            ),
            Self::Copy { vmid, new_vmid, .. } => write!(f, "guest {vmid} is cloned by hand as {new_vmid}"),
            Self::Move { vmid, node } => write!(f, "guest {vmid} is moved to {node}"),
            Self::Appear { guest } => write!(f, "guest {} is made by hand", guest.vmid),
            Self::Behave { vmid, .. } => write!(f, "guest {vmid} behaves differently from now on"),
            Self::Node { node, online: true } => write!(f, "node {node} is back"),
            Self::Node { node, online: false } => write!(f, "node {node} is lost"),
            Self::Proxy { node, proxy } => write!(f, "{}", proxy.of(node)),
            Self::Quorum { quorate: true } => write!(f, "the cluster has quorum again"),
            Self::Quorum { quorate: false } => write!(f, "the cluster loses its quorum"),
            Self::Rights { token, .. } => write!(f, "the rights of token {token} change"),
            Self::Secret { token, .. } => write!(f, "token {token} gets another secret"),
            Self::Grant { token } => write!(f, "token {} is made", token.id),
            Self::Revoke { token } => write!(f, "token {token} is removed"),
            Self::RemoveVolume { node, volid } => write!(f, "volume {volid} of {node} is removed by hand"),
            Self::BackupJob { id } => write!(f, "backup job {id} is run now"),
            Self::LockFile { vmid, taken: true } => write!(f, "the lock file of guest {vmid} is taken"),
            Self::LockFile { vmid, taken: false } => write!(f, "the lock file of guest {vmid} is free again"),
            Self::StorageLock {
                storage, taken: true, ..
            } => write!(f, "the lock of storage {storage} is taken"),
            Self::StorageLock { storage, .. } => write!(f, "the lock of storage {storage} is free again"),
            Self::Tasks { held: true } => write!(f, "tasks are held"),
            Self::Tasks { held: false } => write!(f, "tasks go on"),
            Self::Listener { up: true } => write!(f, "the host listens again"),
            Self::Listener { up: false } => write!(f, "the host stops listening"),
        }
    }
}

/// Why something could not happen.
#[derive(Debug, thiserror::Error)]
pub enum HappenError {
    /// There is nothing that it could happen to.
    #[error(transparent)]
    Hands(#[from] HandsError),
    /// The address can't be listened on any more.
    #[error(transparent)]
    Listen(#[from] StartError),
}

impl Simulator {
    /// Lets something happen.
    pub async fn happen(&self, happening: Happening) -> Result<(), HappenError> {
        self.core.happen(happening).await
    }
}

impl Core {
    pub(crate) async fn happen(self: &Arc<Self>, happening: Happening) -> Result<(), HappenError> {
        if let Happening::Listener { up: true } = happening {
            self.start_listener().await?;
        }
        Ok(self.happen_now(happening)?)
    }

    /// As [`Core::happen`], of all that needs no waiting; that a host listens again is only told.
    pub(crate) fn happen_now(&self, happening: Happening) -> Result<(), HandsError> {
        let told = happening.to_string();
        self.carry_out(happening)?;
        self.shared.events.tell(told);
        Ok(())
    }

    fn carry_out(&self, happening: Happening) -> Result<(), HandsError> {
        let token = |known: bool, id: String| known.then_some(()).ok_or(HandsError::NoToken(id));
        match happening {
            Happening::PowerOn { vmid } => self.power(vmid, true),
            Happening::PowerOff { vmid } => self.power(vmid, false),
            Happening::Reconfigure { vmid, config } => self.change_config(vmid, config),
            Happening::Rename { vmid, name } => {
                let option = self
                    .world()
                    .guests
                    .get(&vmid)
                    .map(|guest| guest.kind.name_option());
                let option = option.unwrap_or("name").to_owned();
                self.change_config(vmid, BTreeMap::from([(option, Some(name))]))
            }
            Happening::Lock { vmid, lock } => {
                self.change_config(vmid, BTreeMap::from([("lock".to_owned(), lock)]))
            }
            Happening::Destroy { vmid } => self.destroy(vmid),
            Happening::Recycle { vmid } => self.recycle(vmid),
            Happening::Copy { vmid, new_vmid, name } => self.copy(vmid, new_vmid, &name),
            Happening::Move { vmid, node } => self.move_guest(vmid, &node),
            Happening::Appear { guest } => self.add_guest(guest),
            Happening::Behave {
                vmid,
                shutdown,
                agent,
            } => self.behave(vmid, shutdown, agent),
            Happening::Node { node, online } => self.set_node_online(&node, online),
            Happening::Proxy { node, proxy } => self.set_node_proxy(&node, proxy),
            Happening::Quorum { quorate } => {
                self.world().quorate = quorate;
                Ok(())
            }
            Happening::Rights { token: id, rights } => {
                let known = self.world().access.set_rights(&id, rights);
                token(known, id)
            }
            Happening::Secret { token: id, secret } => {
                let known = self.world().access.set_secret(&id, &secret);
                token(known, id)
            }
            Happening::Grant { token } => {
                let id = token.id.clone();
                let can_be = self.world().access.add(token);
                can_be.then_some(()).ok_or(HandsError::TokenId(id))
            }
            Happening::Revoke { token: id } => {
                let known = self.world().access.revoke(&id);
                token(known, id)
            }
            Happening::RemoveVolume { node, volid } => {
                let freed = self.world().free_volume(&node, &volid);
                freed.map(drop).ok_or(HandsError::NoVolume(volid))
            }
            Happening::BackupJob { id } => self.run_backup_job(&id),
            Happening::LockFile { vmid, taken } => {
                if taken {
                    self.shared.take_lock_file(vmid);
                } else {
                    self.shared.let_go_of_lock_file(vmid);
                }
                Ok(())
            }
            Happening::StorageLock { node, storage, taken } => self.lock_storage(node, &storage, taken),
            Happening::Tasks { held } => {
                self.shared.hold_tasks(held);
                Ok(())
            }
            Happening::Listener { up } => {
                if !up {
                    self.stop_listener();
                }
                Ok(())
            }
        }
    }
}
