// The Debian packages the test suites use as judges and clients. The product needs none of them.
import { spawnSync } from 'node:child_process';
import { isCommand } from './bootstrap.js';

const packages = [
  { name: 'iproute2', command: 'ip', reason: 'builds test hosts; judges links, addresses and routes' },
  { name: 'nftables', command: 'nft', reason: 'judges the ruleset; plays the stranger who flushes it' },
  { name: 'conntrack', command: 'conntrack', reason: 'judges connection tracking entries' },
  { name: 'curl', command: 'curl', reason: 'fetches published ports' },
  { name: 'bind9-dnsutils', command: 'dig', reason: 'asks the resolver' },
  { name: 'socat', command: 'socat', reason: 'plays UDP, TCP and terminal peers' },
];

/** Installs what is missing where apt allows it; returns what is missing still. */
export function installPackages() {
  const missing = packages.filter(({ command }) => !isCommand(command));
  if (missing.length === 0) return [];
  if (process.getuid?.() !== 0 || !isCommand('apt-get')) return missing;
  const names = missing.map(({ name }) => name);
  console.log(`installing ${names.join(' ')}`);
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const args of [
    ['update', '-qq'],
    ['install', '-qq', '-y', '--no-install-recommends', ...names],
  ]) {
    const { status, stderr } = spawnSync('apt-get', args, { env: environment, encoding: 'utf8' });
    if (status !== 0) console.log(`apt-get ${args[0]} failed: ${stderr?.trim()}`);
  }
  return missing.filter(({ command }) => !isCommand(command));
}
