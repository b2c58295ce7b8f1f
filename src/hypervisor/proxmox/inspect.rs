//! What a host lets its caller do, and what it has that guests need.

use super::api::access;
use super::api::nodes::{InterfaceType, NodeNetwork, NodeTime};
use super::client::Client;
use crate::hypervisor::Error;
use crate::model::{NodeName, Permissions};

impl Client {
    pub(super) async fn permissions(&self) -> Result<Permissions, Error> {
        self.ask(&access::Permissions::new()).await.map(Permissions)
    }

    pub(super) async fn clock(&self, node: &NodeName) -> Result<i64, Error> {
        Ok(self.ask(&NodeTime::new(node.clone())).await?.time)
    }

    pub(super) async fn bridges(&self, node: &NodeName) -> Result<Vec<String>, Error> {
        let request = NodeNetwork {
            kind: Some(InterfaceType::AnyBridge),
            ..NodeNetwork::new(node.clone())
        };
        let found = self.ask(&request).await?;
        Ok(found.into_iter().map(|interface| interface.iface).collect())
    }
}
