#!/usr/bin/env bash
# A process with an address on the network the host itself is on. Needs a running netd.
# Usage: run.sh PARENT SUBNET GATEWAY ADDRESS, e.g. run.sh eth0 192.168.1.0/24 192.168.1.1 192.168.1.50
set -euo pipefail

if [ $# != 4 ]; then
  echo "usage: $0 PARENT SUBNET GATEWAY ADDRESS" >&2
  exit 2
fi
trap 'net rm street >/dev/null 2>&1 || true' EXIT

net create -d macvlan -o parent="$1" --subnet "$2" --gateway "$3" street
net run --name house --network street --ip "$4" -- ip -brief address show dev eth0
