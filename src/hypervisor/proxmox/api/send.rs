//! Sending the calls of the tables.

use super::super::answers::lenient;
use super::super::call::Method;
use super::super::client::Client;
use super::super::{Call, Proxmox};
use super::request::{Guard, GuestChange, Request};
use crate::hypervisor::Error;
use crate::plan::identity::Ownership;

impl Proxmox {
    /// Sends a call that needs no proof. A read may be sent again, anything else is sent once.
    pub async fn ask<R: Request>(&self, request: &R) -> Result<R::Answer, Error> {
        self.client.ask(request).await
    }

    /// Changes the guest that `own` is the proof for, once, as long as it is what it was judged to be.
    pub async fn change<C: GuestChange>(&self, own: &Ownership, change: &C) -> Result<C::Answer, Error> {
        self.client.change(own, change).await
    }
}

impl Client {
    pub(in super::super) async fn ask<R: Request>(&self, request: &R) -> Result<R::Answer, Error> {
        let call = request.call();
        match call.method() {
            Method::Get => self.read_as(&call, lenient::<R::Answer>).await,
            Method::Post | Method::Put | Method::Delete => {
                self.change_as(&call, None, lenient::<R::Answer>).await
            }
        }
    }

    pub(in super::super) async fn change<C: GuestChange>(
        &self,
        own: &Ownership,
        change: &C,
    ) -> Result<C::Answer, Error> {
        let call = change.call(own);
        match C::GUARD {
            Guard::Freshness => self.change_as(&call, Some(own), lenient::<C::Answer>).await,
            Guard::Digest => {
                let call = guarded(call, own)?;
                self.change_as(&call, None, lenient::<C::Answer>).await
            }
        }
    }
}

/// Adds the digest. Proxmox VE takes an empty one for none, and then checks nothing.
pub(in super::super) fn guarded(call: Call, own: &Ownership) -> Result<Call, Error> {
    if own.digest().is_empty() {
        return Err(call.unbuildable("the configuration that was judged has no digest"));
    }
    Ok(call.with("digest", own.digest()))
}
