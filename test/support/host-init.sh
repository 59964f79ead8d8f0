# The first process of a throw-away host, in its new network, mount, pid, uts and ipc namespaces. Gives the host state of
# its own, tells its pid as seen from outside, then waits: when its input is closed, because the test let go of the host
# or died, it ends, and the kernel ends every process of the host and removes every namespace nobody else holds.
set -e
read -r pid _ </proc/self/stat
mount -t proc proc /proc
mount -t sysfs sysfs /sys 2>/dev/null || true
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/netns /run/lock
# What programs find by fixed paths starts as the machine's; what they write goes to the host's memory.
mount -t tmpfs -o mode=755 tmpfs /mnt
for folder in lib etc opt; do
  mkdir -p "/mnt/$folder" "/mnt/work-$folder"
done
mount -t overlay overlay -o lowerdir=/var/lib,upperdir=/mnt/lib,workdir=/mnt/work-lib /var/lib
mount -t overlay overlay -o lowerdir=/etc,upperdir=/mnt/etc,workdir=/mnt/work-etc /etc
mount -t overlay overlay -o lowerdir=/opt,upperdir=/mnt/opt,workdir=/mnt/work-opt /opt
# No upstream: names nobody here knows are answered at once.
rm -f /etc/resolv.conf
: >/etc/resolv.conf
hostname "$1"
ip link set lo up
trap '' HUP INT TERM
echo "ready $pid"
exec 1>/dev/null
while read -r _; do :; done
