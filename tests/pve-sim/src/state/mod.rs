//! The state of the simulated cluster, apart from the wire: what the hosts would know if no HTTP were spoken.

mod access;
mod archive;
mod availability;
mod backup_job;
mod calendar;
mod config;
mod container;
mod features;
mod file_name;
mod firewall;
mod guest;
mod guest_drives;
pub(crate) mod ha;
mod hotplug;
mod inside;
mod moment;
mod node;
mod outside;
mod property;
mod resources;
mod seeding;
mod snapshots;
pub(crate) mod statistics;
mod storage;
mod task;
pub(crate) mod traffic;
mod upid;
mod volume_name;
mod volumes;
mod world;

pub(crate) use access::{
    Access, Attempt, Caller, Credentials, Group, Login, Pool, Privileges, Realm, Role, Subject, Token, User,
    is_token_name, is_user_id, normal_path, path_is_valid, privilege, split_token,
};
pub(crate) use archive::{Archive, binary_size};
pub(crate) use backup_job::{BackupJob, BackupVolume};
pub(crate) use calendar::CalendarEvent;
pub(crate) use config::{Config, NETWORK_MODELS, is_disk, is_net, text_digest, typed};
pub(crate) use container::{
    change_container, is_mount, keep_unused, shown_option, stored_option, with_new_address,
};
pub(crate) use features::Feature;
pub(crate) use firewall::{Firewall, FirewallFile, Rule, rows_digest};
pub use guest::GuestKind;
pub(crate) use guest::{Guest, Power};
pub(crate) use hotplug::{Changes, change};
pub(crate) use inside::Process;
pub(crate) use moment::Moment;
pub(crate) use node::Node;
pub use node::NodeProxy;
pub(crate) use outside::{Found, TemporaryFile, host as outside_host};
pub(crate) use property::{
    drive_property, drive_volume, format_size, normalize_tags, parse_size, render_bytes, set_property,
    with_mac,
};
pub(crate) use seeding::{MACHINE_TYPE, QEMU_VERSION};
pub(crate) use storage::{Storage, Volume};
pub(crate) use task::Task;
pub(crate) use upid::Upid;
pub(crate) use volume_name::VolumeName;
pub(crate) use volumes::{Allocated, Source, Target};
pub(crate) use world::World;
