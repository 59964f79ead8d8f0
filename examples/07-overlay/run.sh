#!/usr/bin/env bash
# Three hosts, each with a netd of its own, and a network over all of them. The hosts are namespaces of this machine, so no netd has to
# run already. Needs etcd, etcdctl and socat.
set -euo pipefail

work=$(mktemp -d)
declare -A pids
cleanup() {
  # Each takes all processes of its host along.
  kill "${pids[@]}" || true
  wait 2>/dev/null || true
  rm -r "$work"
}
trap cleanup EXIT

# Waits until a command succeeds.
eventually() {
  for _ in $(seq 100); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  echo "$0: gave up waiting for: $*" >&2
  exit 1
}

# A host: a network, mounts, processes and a name of its own, for as long as its first process lives.
power_on() {
  unshare --net --mount --pid --uts --ipc --propagation private --fork --kill-child --mount-proc sh -c "
    mount -t sysfs sysfs /sys
    mount -t tmpfs -o mode=755 tmpfs /run
    hostname $1
    ip link set lo up
    trap exit TERM
    touch $work/$1-is-on
    sleep infinity & wait" &
  eventually [ -e "$work/$1-is-on" ]
  pids[$1]=$(tr -d ' ' <"/proc/$!/task/$!/children")
}

# Runs a command on a host.
on() {
  local host=$1
  shift
  nsenter --target "${pids[$host]}" --net --mount --pid --uts --ipc -- "$@"
}

# The wire between them, and etcd on it.
power_on wire
on wire ip link add wire type bridge
on wire ip address add 192.0.2.254/24 dev wire
on wire ip link set wire up
etcd=http://192.0.2.254:2379
on wire etcd --data-dir "$work/etcd" --listen-client-urls $etcd --advertise-client-urls $etcd >"$work/etcd.log" 2>&1 &
eventually on wire etcdctl --endpoints $etcd endpoint health

# Three hosts. Each netd is told where etcd is, and nothing else of the others.
for number in 1 2 3; do
  host=h$number
  power_on $host
  nsenter --target "${pids[wire]}" --net ip link add $host type veth peer name eth0 netns "${pids[$host]}"
  on wire ip link set $host master wire up
  on $host ip address add 192.0.2.$number/24 dev eth0
  on $host ip link set eth0 up
  on $host netd --etcd $etcd --state-dir "$work/$host" >"$work/$host.log" 2>&1 &
  eventually on $host net version
done

# A network made on one host is one of all.
on h1 net create -d overlay lab >/dev/null
on h1 net run -d --name web --network lab -- \
  socat -U TCP-LISTEN:80,fork,reuseaddr SYSTEM:'echo hello from web on h1' >/dev/null
for host in h2 h3; do
  eventually on $host net inspect lab
  printf '%s: ' $host
  on $host net run --network lab -- socat -u TCP:web:80,retry=50,interval=0.1 -
done
