//! What stands between a Drover and the Kubernetes API.

use std::fmt::Debug;
use std::sync::Arc;

use kube::Client;

/// Somebody through whose hands all requests go.
pub(crate) trait Between: Debug + Send + Sync {
    /// A client that goes through them.
    fn client(self: Arc<Self>, inner: Client) -> Client;
}
