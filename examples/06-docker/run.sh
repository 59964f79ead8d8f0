#!/usr/bin/env bash
# A container of Docker and a plain process on one network. Needs a running netd, a running dockerd, curl, socat, and an image
# with busybox.
# Usage: run.sh IMAGE, e.g. run.sh busybox:latest
set -euo pipefail

if [ $# != 1 ]; then
  echo "usage: $0 IMAGE" >&2
  exit 2
fi
cleanup() {
  docker rm --force web >/dev/null 2>&1 || true
  net sandbox rm --force teller >/dev/null 2>&1 || true
  docker network rm lab >/dev/null 2>&1 || true
}
trap cleanup EXIT

docker network create --driver fairlead --ipam-driver fairlead lab >/dev/null
docker run --detach --name web --network lab --publish 8080:80 "$1" \
  sh -c 'mkdir /site; echo "hello, from a container of Docker" >/site/index.html; exec httpd -f -h /site' >/dev/null
# Netd hears what a network and a container are called a moment after they are there.
until net inspect lab 2>/dev/null | grep -q web; do sleep 0.1; done

net run --detach --name teller --network lab -- \
  socat -U TCP-LISTEN:7000,fork,reuseaddr SYSTEM:'echo hello from a process' >/dev/null
net exec teller -- curl --silent --retry 10 --retry-delay 1 --retry-all-errors http://web/
docker exec web nc teller 7000
curl --silent http://127.0.0.1:8080/
