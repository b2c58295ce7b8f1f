//! What a guest, a disk, a host and a task look like, whatever the hypervisor.
