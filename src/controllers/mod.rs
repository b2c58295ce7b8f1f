//! One file a kind: the loop between Kubernetes and a hypervisor.
