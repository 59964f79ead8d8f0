// The Debian packages the test suites use as judges and clients, and the benchmarks as peers. The product needs none of them.
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { isCommand } from './bootstrap.js';

const testPackages = [
  { name: 'iproute2', command: 'ip', reason: 'builds test hosts; judges links, addresses and routes' },
  { name: 'nftables', command: 'nft', reason: 'judges the ruleset; plays the stranger who flushes it' },
  { name: 'conntrack', command: 'conntrack', reason: 'judges connection tracking entries' },
  { name: 'curl', command: 'curl', reason: 'fetches published ports' },
  { name: 'bind9-dnsutils', command: 'dig', reason: 'asks the resolver' },
  { name: 'ldnsutils', command: 'drill', reason: 'asks it too, by code of its own' },
  { name: 'musl-tools', command: 'musl-gcc', reason: 'makes programs that ask by the other C library' },
  { name: 'socat', command: 'socat', reason: 'plays UDP, TCP and terminal peers' },
  { name: 'containerd', command: 'containerd', reason: 'runs pods and containers on CNI networks' },
  { name: 'podman', command: 'podman', reason: 'runs containers on CNI networks' },
  {
    name: 'containernetworking-plugins',
    command: '/usr/lib/cni/bridge',
    reason: 'shows what pods may expect',
  },
  { name: 'iptables', command: 'iptables-nft', reason: 'these plugins and dockerd need it' },
  {
    name: 'docker.io',
    command: 'dockerd',
    reason: 'runs containers on networks of netd; its client asks the Docker Engine API',
  },
  { name: 'firewalld', command: 'firewall-cmd', reason: 'rejects what is forwarded and not in its zones' },
  { name: 'dbus-daemon', command: 'dbus-daemon', reason: 'is the way to firewalld' },
  { name: 'ufw', command: 'ufw', reason: 'drops what is forwarded, and questions to the host' },
  { name: 'runc', command: 'runc', reason: 'runs the containers of all three' },
  { name: 'clang', command: 'clang++', reason: 'makes fuzzers of the native resolver' },
  {
    name: 'libclang-rt-dev',
    command: '/usr/share/doc/libclang-rt-dev',
    reason: 'is in the fuzzers, with the sanitizers',
  },
  // The package `busybox` has the same command, but linked dynamically, which no image could use.
  { name: 'busybox-static', command: '/usr/share/doc/busybox-static', reason: 'is in the containers' },
];

export const benchPackages = [
  { name: 'iproute2', command: 'ip', reason: 'builds test hosts' },
  { name: 'iptables', command: 'iptables-nft', reason: 'publishes ports one rule each; dockerd needs it' },
  { name: 'docker.io', command: 'dockerd', reason: 'runs containers' },
  { name: 'podman', command: 'podman', reason: 'runs containers' },
  { name: 'crun', command: 'crun', reason: 'the faster runtime of podman' },
  { name: 'netavark', command: '/usr/lib/podman/netavark', reason: 'networks of podman' },
  { name: 'aardvark-dns', command: '/usr/lib/podman/aardvark-dns', reason: 'names on networks of podman' },
  { name: 'containernetworking-plugins', command: '/usr/lib/cni/bridge', reason: 'attaches pods' },
  { name: 'dnsmasq-base', command: 'dnsmasq', reason: 'answers names' },
  { name: 'unbound', command: 'unbound', reason: 'answers names' },
  { name: 'dnsperf', command: 'dnsperf', reason: 'asks for names' },
  { name: 'etcd-server', command: 'etcd', reason: 'is what hosts of a cluster share' },
  { name: 'etcd-client', command: 'etcdctl', reason: 'asks etcd, and makes its users' },
  { name: 'openssl', command: 'openssl', reason: 'makes certificates for etcd' },
  { name: 'containerd', command: 'containerd', reason: 'runs the containers of dockerd' },
  { name: 'runc', command: 'runc', reason: 'runs the containers of containerd' },
  { name: 'iperf3', command: 'iperf3', reason: 'sends as much as it can' },
];

/** Installs what is missing where apt allows it; returns what is missing still. */
export function installPackages(packages = testPackages) {
  const missing = packages.filter((each) => !isInstalled(each));
  if (missing.length === 0) return [];
  if (process.getuid?.() !== 0 || !isCommand('apt-get')) return missing;
  const names = missing.map(({ name }) => name);
  console.log(`installing ${names.join(' ')}`);
  withoutStarting(() => apt(names));
  return missing.filter((each) => !isInstalled(each));
}

/** Engines are not to begin to serve, and to change the network of, the machine they are installed on: invoke-rc.d(8). */
function withoutStarting(work) {
  const policy = '/usr/sbin/policy-rc.d';
  if (existsSync(policy)) return work();
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    work();
  } finally {
    rmSync(policy);
  }
}

function apt(names) {
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const args of [
    ['update', '-qq'],
    ['install', '-qq', '-y', '--no-install-recommends', ...names],
  ]) {
    const { status, stderr } = spawnSync('apt-get', args, { env: environment, encoding: 'utf8' });
    if (status !== 0) console.log(`apt-get ${args[0]} failed: ${stderr?.trim()}`);
  }
}

function isInstalled({ command }) {
  return command.startsWith('/') ? existsSync(command) : isCommand(command);
}
