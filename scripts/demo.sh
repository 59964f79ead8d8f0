#!/usr/bin/env bash
# `npm run demo`: the main job in a minute, in a throw-away host of its own (network, mounts, processes), as root or as an
# ordinary user. Every step is checked; exit 0 only when each was right. Nothing is left behind: the host ends with this script.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
script=$root/scripts/demo.sh

say() { printf '%s%s%s\n' "${bold:-}" "$1" "${plain:-}"; }
fail() {
  printf 'demo: %s\n' "$1" >&2
  exit 1
}

# Starts this script again as the first process of a new host. Without root, a user namespace lends the rights needed.
enter_host() {
  local namespaces=(--net --mount --pid --uts --ipc --fork --kill-child --mount-proc --propagation private)
  if [ "$(id -u)" != 0 ]; then
    namespaces+=(--user --map-root-user)
    unshare --user --map-root-user --net true 2>/dev/null ||
      fail 'this kernel gives ordinary users no namespaces of their own; run the demo as root'
  fi
  exec unshare "${namespaces[@]}" bash "$script" inside
}

# Shows a command, runs it, and keeps what it prints for the check that follows.
show() {
  printf '  %s$ %s%s\n' "${faint:-}" "$*" "${plain:-}"
  output=$("$@" 2>&1) || {
    printf '%s\n' "$output"
    fail "that should have worked: $*"
  }
  if [ -n "$output" ]; then printf '%s\n' "$output" | sed 's/^/  /'; fi
}

expect() {
  case $output in
    *"$1"*) printf '  %sok: %s%s\n\n' "${green:-}" "$2" "${plain:-}" ;;
    *) fail "expected \"$1\": $2" ;;
  esac
}

# A client and what brings loopback up, so that the demo needs no package beyond those that build Fairlead.
write_tools() {
  cat >"$work/fetch" <<'PYTHON'
#!/usr/bin/env python3
"""Fetches a URL, asking again for up to ten seconds while the server is still starting."""
import sys, time, urllib.request
for attempt in range(100):
    try:
        sys.stdout.write(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())
        sys.exit(0)
    except OSError as error:
        last = error
        time.sleep(0.1)
sys.exit(f"{sys.argv[1]}: {last}")
PYTHON
  cat >"$work/loopback-up" <<'PYTHON'
import fcntl, socket, struct
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
fcntl.ioctl(socket.socket(), SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
PYTHON
  chmod +x "$work/fetch"
  mkdir "$work/site"
  echo 'hello from a plain process' >"$work/site/index.html"
}

start_netd() {
  printf '  %s$ netd%s\n' "${faint:-}" "${plain:-}"
  "$root/bin/netd" --state-dir "$work/state" >"$work/netd.log" 2>&1 &
  netd=$!
  for _ in $(seq 200); do
    if grep -q '\bready\b' "$work/netd.log"; then break; fi
    kill -0 "$netd" 2>/dev/null || break
    sleep 0.05
  done
  output=$(grep '\bready\b' "$work/netd.log") || {
    cat "$work/netd.log" >&2
    fail 'netd did not start'
  }
  printf '  %s\n' "$output"
}

# Interfaces of the host apart from loopback, which it had from the start, and the built-in network's bridge.
interfaces() { (cd /sys/class/net && printf '%s\n' *) | sort; }

tour() {
  say '1. The daemon starts, in a host that has nothing but loopback.'
  start_netd
  expect ready 'netd answers'
  local before
  before=$(interfaces)

  say '2. A network.'
  show net create lab
  show net inspect lab --format table
  expect lab 'it has a subnet and a bridge of its own'

  say '3. A web server, an ordinary process: no image, no container. Its port 80 is published as 8080.'
  show net run -d --name web --network lab -p 8080:80 -- python3 -m http.server 80 --directory "$work/site"
  show net ps
  expect web 'it runs'

  say '4. A second process on the same network reaches it by name.'
  show net run --network lab -- "$work/fetch" http://web/
  expect 'hello from a plain process' 'name and connection work'

  say '5. The host reaches it by the published port.'
  show net port web
  expect '80/tcp -> 0.0.0.0:8080' 'the port is published'
  show "$work/fetch" http://127.0.0.1:8080/
  expect 'hello from a plain process' 'the port leads to the server'

  say '6. The picture.'
  show net graph
  expect web 'web is on lab'

  say '7. Everything goes.'
  show net stop web
  show net sandbox rm web
  show net rm lab
  show net check
  output="left: $(interfaces)"
  expect "left: $before" 'no interface is left'
  kill "$netd"
  wait "$netd" || fail "netd ended with status $?"
}

inside() {
  mount -t sysfs sysfs /sys 2>/dev/null || fail 'this kernel does not let the demo mount its own /sys; run it as root'
  mount -t tmpfs -o mode=755 tmpfs /run
  work=/run/demo
  mkdir -p "$work" /run/netns
  export PATH=$root/bin:$PATH
  if [ -t 1 ]; then bold=$'\e[1m' faint=$'\e[2m' green=$'\e[32m' plain=$'\e[0m'; fi
  write_tools
  python3 "$work/loopback-up"
  tour
  say 'Done: every step did what it should, and nothing is left.'
}

if [ "${1:-}" = inside ]; then inside; else enter_host; fi
