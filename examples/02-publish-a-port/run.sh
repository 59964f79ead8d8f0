#!/usr/bin/env bash
# A port of a process on a network, reached through the host. Needs a running netd, python3 and curl.
set -euo pipefail

site=$(mktemp -d)
echo 'hello, by the published port' >"$site/index.html"
cleanup() {
  net stop shop >/dev/null 2>&1 || true
  net sandbox rm shop >/dev/null 2>&1 || true
  net rm market >/dev/null 2>&1 || true
  rm -r "$site"
}
trap cleanup EXIT

net create market
net run -d --name shop --network market -p 8080:80 -p 127.0.0.1:8081:80 -- \
  python3 -m http.server 80 --directory "$site"
net port shop

curl --silent --retry 10 --retry-delay 1 --retry-all-errors http://127.0.0.1:8080/
curl --silent http://127.0.0.1:8081/
