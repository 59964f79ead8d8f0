#!/usr/bin/env bash
# Two containers of podman, one found by name by the other, and by its port from the host. Needs a running netd, podman with
# its networks by CNI, `net install --cni` done, curl, and an image with busybox.
# Usage: run.sh IMAGE, e.g. run.sh docker.io/library/busybox:latest
set -euo pipefail

if [ $# != 1 ]; then
  echo "usage: $0 IMAGE" >&2
  exit 2
fi
cleanup() {
  podman rm --force --time 0 web >/dev/null 2>&1 || true
  net rm fairlead >/dev/null 2>&1 || true
}
trap cleanup EXIT

podman run --detach --name web --network fairlead --publish 8080:80 "$1" \
  sh -c 'mkdir /site; echo "hello, from a container of podman" >/site/index.html; exec httpd -f -h /site'
net port web

curl --silent --retry 10 --retry-delay 1 --retry-all-errors http://127.0.0.1:8080/
podman run --rm --network fairlead "$1" wget -q -O - http://web/
