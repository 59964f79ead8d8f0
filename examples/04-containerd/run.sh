#!/usr/bin/env bash
# A container of containerd, found by name by a plain process. Needs a running netd and containerd, `net install --cni`
# done, curl, and an image with busybox. Usage: run.sh IMAGE, e.g. run.sh docker.io/library/busybox:latest
set -euo pipefail

if [ $# != 1 ]; then
  echo "usage: $0 IMAGE" >&2
  exit 2
fi
cleanup() {
  ctr task kill --signal SIGKILL web >/dev/null 2>&1 || true
  wait
  net rm fairlead >/dev/null 2>&1 || true
}
trap cleanup EXIT

page='hello, from a container of containerd'
ctr run --rm --cni "$1" web sh -c "mkdir /site; echo '$page' >/site/index.html; exec httpd -f -h /site" &
until ctr task ls | grep --quiet '^web .*RUNNING'; do
  kill -0 $! # ends the script when ctr has ended
done
net run --network fairlead -- curl --silent --retry 10 --retry-delay 1 --retry-all-errors http://default-web/
