# The first process of a host's namespaces: sets up what libvirtd is to see, starts it, and takes orders from its owner,
# one a line on standard input, each answered by a line. When the owner is gone, it ends, and the kernel ends
# what is left in the namespaces. It stays process 1 because it reaps: libvirtd as process 1 does not.
set -eu
dir=$1

mount --bind "$dir/passwd" /etc/passwd
mount --bind "$dir/group" /etc/group
mount --bind "$dir/etc" /etc/libvirt
mount --bind "$dir/lib" /var/lib/libvirt
mount --bind "$dir/run" /run/libvirt
mount --bind "$dir/cache" /var/cache/libvirt
mount --bind "$dir/log" /var/log/libvirt

# A /dev without kvm: where machines are guests themselves it may be there and not work. Hiding it behind /dev/null
# would make libvirt probe QEMU anew at each call.
mount -t tmpfs -o mode=755 dev "$dir/dev"
mkdir "$dir/dev/net" "$dir/dev/pts" "$dir/dev/shm"
for node in null zero full random urandom tty fuse net/tun; do
    [ -e "/dev/$node" ] || continue
    touch "$dir/dev/$node"
    mount --bind "/dev/$node" "$dir/dev/$node"
done
mount --bind /dev/pts "$dir/dev/pts"
ln -s pts/ptmx "$dir/dev/ptmx"
ln -s /proc/self/fd "$dir/dev/fd"
mount --rbind "$dir/dev" /dev

# The LXC driver works on the hybrid layout of control groups only without it.
if [ -d /sys/fs/cgroup/unified ]; then umount /sys/fs/cgroup/unified; fi
ip link set lo up 2>/dev/null || true
if [ -n "${HOST_NAME:-}" ]; then hostname "$HOST_NAME"; fi

start() {
    libvirtd -f "$dir/etc/libvirtd.conf" -p "$dir/libvirtd.pid" ${LISTEN:-} </dev/null >>"$dir/libvirtd.out" 2>&1 &
    daemon=$!
}

start
while read -r order; do
    case $order in
        kill) kill -KILL "$daemon"; wait "$daemon" || true ;;
        stop) kill -STOP "$daemon" ;;
        continue) kill -CONT "$daemon" ;;
        start) rm -f "$dir/libvirtd.pid"; start ;;
    esac
    echo done
done
