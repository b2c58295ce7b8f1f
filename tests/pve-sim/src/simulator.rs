//! The handle on a running simulator.
#![allow(
    clippy::todo,
    unused_variables,
    missing_docs,
    clippy::unused_async,
    clippy::unused_self
)]

use crate::*;
use std::time::Duration;
use thiserror::Error;

/// Why a simulator could not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The seed contradicts itself.
    #[error("seed: {0}")]
    Seed(String),
}

#[derive(Debug)]
pub struct Simulator {}

impl Simulator {
    pub async fn start(seed: Seed) -> Result<Self, StartError> {
        todo!()
    }
    /// `https://127.0.0.1:8006`, without a path.
    pub fn url(&self) -> String {
        todo!()
    }
    pub fn port(&self) -> u16 {
        todo!()
    }
    /// `http://127.0.0.1:8007`
    pub fn admin_url(&self) -> String {
        todo!()
    }
    pub fn token_id(&self) -> &str {
        todo!()
    }
    pub fn token_secret(&self) -> &str {
        todo!()
    }
    /// SHA-256 of the certificate it listens with, as `AB:CD:…`.
    pub fn fingerprint(&self) -> &str {
        todo!()
    }
    /// SHA-256 of `pve-root-ca.pem`: the cluster's identity.
    pub fn ca_fingerprint(&self) -> &str {
        todo!()
    }
    pub fn ca_pem(&self) -> &str {
        todo!()
    }
    pub fn node_names(&self) -> Vec<String> {
        todo!()
    }
    pub async fn shutdown(self) {}
    // log
    pub fn requests(&self) -> Requests {
        todo!()
    }
    pub fn mutations(&self) -> Requests {
        todo!()
    }
    pub fn position(&self) -> u64 {
        todo!()
    }
    pub fn clear_requests(&self) {}
    // trouble
    pub fn fault(&self, fault: Fault) -> FaultId {
        todo!()
    }
    pub fn clear_fault(&self, id: FaultId) -> bool {
        todo!()
    }
    pub fn clear_faults(&self) {}
    pub fn faults(&self) -> Vec<(FaultId, Fault, u32)> {
        todo!()
    }
    pub fn hold(&self, matcher: Matcher, mark: Mark) -> Hold {
        todo!()
    }
    pub fn hold_after(&self, matcher: Matcher, mark: Mark, skip: u64) -> Hold {
        todo!()
    }
    // what is
    pub fn guest(&self, vmid: u32) -> Option<GuestView> {
        todo!()
    }
    pub fn guests(&self) -> Vec<GuestView> {
        todo!()
    }
    pub fn tasks(&self) -> Vec<TaskView> {
        todo!()
    }
    /// Volume ids on a node.
    pub fn volumes(&self, node: &str) -> Vec<String> {
        todo!()
    }
    // hands
    pub fn power_on(&self, vmid: u32) -> Result<(), HandsError> {
        todo!()
    }
    pub fn power_off(&self, vmid: u32) -> Result<(), HandsError> {
        todo!()
    }
    /// Sets (`Some`) or removes (`None`) options at once.
    pub fn change_config(&self, vmid: u32, changes: &[(&str, Option<&str>)]) -> Result<(), HandsError> {
        todo!()
    }
    pub fn rename(&self, vmid: u32, name: &str) -> Result<(), HandsError> {
        todo!()
    }
    pub fn lock(&self, vmid: u32, lock: Option<&str>) -> Result<(), HandsError> {
        todo!()
    }
    pub fn destroy(&self, vmid: u32) -> Result<(), HandsError> {
        todo!()
    }
    /// Destroys the guest and makes a foreign one under its number; returns the new one's UUID.
    pub fn recycle(&self, vmid: u32) -> Result<String, HandsError> {
        todo!()
    }
    /// A full clone by hand, with the description copied.
    pub fn copy(&self, vmid: u32, new_vmid: u32, name: &str) -> Result<(), HandsError> {
        todo!()
    }
    pub fn move_guest(&self, vmid: u32, node: &str) -> Result<(), HandsError> {
        todo!()
    }
    pub fn add_guest(&self, guest: SeedGuest) -> Result<(), HandsError> {
        todo!()
    }
    pub fn set_shutdown(&self, vmid: u32, shutdown: Shutdown) -> Result<(), HandsError> {
        todo!()
    }
    pub fn set_agent(&self, vmid: u32, answers: bool) -> Result<(), HandsError> {
        todo!()
    }
    pub fn set_node_online(&self, node: &str, online: bool) -> Result<(), HandsError> {
        todo!()
    }
    pub fn set_quorum(&self, quorate: bool) {}
    pub fn set_timing(&self, timing: Timing) {}
    pub fn add_token(&self, token: SeedToken) {}
    pub fn revoke_token(&self, id: &str) -> Result<(), HandsError> {
        todo!()
    }
    pub fn change_secret(&self, id: &str, secret: &str) -> Result<(), HandsError> {
        todo!()
    }
    /// `None`: all that its user may.
    pub fn set_rights(&self, id: &str, rights: Option<Vec<Rights>>) -> Result<(), HandsError> {
        todo!()
    }
    pub fn add_iso(&self, node: &str, name: &str) -> Result<(), HandsError> {
        todo!()
    }
    pub fn remove_volume(&self, node: &str, volid: &str) -> Result<(), HandsError> {
        todo!()
    }
    /// The host is down: connections are refused, open ones reset.
    pub fn stop_listener(&self) {}
    /// Up again, on the same port.
    pub async fn start_listener(&self) -> Result<(), StartError> {
        todo!()
    }
    /// Waits until no task runs.
    pub async fn idle(&self, deadline: Duration) -> bool {
        todo!()
    }
}
