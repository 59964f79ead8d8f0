#!/usr/bin/env bash
# Two plain processes on a network of their own; one reaches the other by name. Needs a running netd, python3 and curl.
set -euo pipefail

site=$(mktemp -d)
echo 'hello, found by name' >"$site/index.html"
cleanup() {
  net stop web >/dev/null 2>&1 || true
  net sandbox rm web >/dev/null 2>&1 || true
  net rm lab >/dev/null 2>&1 || true
  rm -r "$site"
}
trap cleanup EXIT

net create lab
net run -d --name web --network lab -- python3 -m http.server 80 --directory "$site"
net run --network lab -- curl --silent --retry 10 --retry-delay 1 --retry-connrefused http://web/
