//! The simulator from outside: over HTTPS as a client sees it, with the handle for what only people can do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod admin;
mod agent;
mod backup_jobs;
mod backups;
mod client;
mod clients;
mod cluster;
mod config;
mod containers;
mod containers_among_others;
mod disks;
mod faults;
mod firewall;
mod ha;
mod hands;
mod happenings;
mod holds;
mod lifecycle;
mod migration;
mod nodes;
mod options;
mod pools;
mod power;
mod program;
mod realms;
mod rights;
mod scenarios;
mod schemas;
mod snapshots;
mod statistics;
mod storages;
mod tickets;
mod uploads;
mod wire;
