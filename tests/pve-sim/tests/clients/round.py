"""A virtual machine's round through proxmoxer: create, start, snapshot, clone, delete.

Arguments: host:port, then `token USER@REALM NAME SECRET` or `password USER@REALM PASSWORD`.
Prints a line a step. Any surprise ends it with a traceback.
"""

import sys
import warnings

from proxmoxer import ProxmoxAPI, ResourceException
from proxmoxer.tools import Tasks

warnings.filterwarnings("ignore")


def connect(address, how, user, *secret):
    """A client that doesn't check the certificate, as most people use it."""
    host, port = address.rsplit(":", 1)
    options = {"port": int(port), "user": user, "verify_ssl": False, "timeout": 20}
    if how == "token":
        options |= {"token_name": secret[0], "token_value": secret[1]}
    else:
        options |= {"password": secret[0]}
    return ProxmoxAPI(host, **options)


proxmox = connect(*sys.argv[1:])
node = proxmox.nodes.get()[0]["node"]
guests = proxmox.nodes(node).qemu


def done(upid):
    """Waits for a task, and wants it to have gone well."""
    status = Tasks.blocking_status(proxmox, upid, timeout=30, polling_interval=0.02)
    assert status is not None, f"{upid} doesn't end"
    assert status["exitstatus"] == "OK", status
    assert Tasks.decode_upid(upid)["type"] == status["type"], status


def refused(call, status, sentence):
    """Wants a call to be refused with a status and a sentence."""
    try:
        call()
    except ResourceException as error:
        assert error.status_code == status and sentence in str(error), error
    else:
        raise AssertionError(f"not refused: {sentence}")


print("version", proxmox.version.get()["version"])
vmid = int(proxmox.cluster.nextid.get())
copy = vmid + 1

refused(guests(vmid).config.get, 500, "does not exist")
done(guests.post(vmid=vmid, name="round", memory=256, scsi0="local-lvm:2", net0="virtio,bridge=vmbr0", tags="b;a"))
config = guests(vmid).config.get()
assert config["name"] == "round" and config["tags"] == "a;b", config
print("created", vmid)

done(guests(vmid).status.start.post())
assert guests(vmid).status.current.get()["status"] == "running"
refused(guests(vmid).delete, 500, "is running - destroy failed")
print("started")

done(guests(vmid).snapshot.post(snapname="before", description="by proxmoxer"))
names = [snapshot["name"] for snapshot in guests(vmid).snapshot.get()]
assert names == ["before", "current"], names
guests(vmid).config.put(cores=2)
print("snapshot")

done(guests(vmid).clone.post(newid=copy, name="copy", full=1))
assert guests(copy).config.get()["name"] == "copy"
listed = {row["vmid"] for row in proxmox.cluster.resources.get(type="vm")}
assert {vmid, copy} <= listed, listed
print("cloned", copy)

done(guests(vmid).status.stop.post())
done(guests(vmid).snapshot("before").rollback.post())
assert "cores" not in guests(vmid).config.get()
done(guests(vmid).snapshot("before").delete())
for guest in (copy, vmid):
    done(guests(guest).delete(purge=1))
listed = {row["vmid"] for row in proxmox.cluster.resources.get(type="vm")}
assert not listed & {vmid, copy}, listed
print("deleted")
