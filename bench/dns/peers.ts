// The servers netd is measured beside, each as it answers most, and without anything it would not do for a sandbox: nothing is
// logged, validated or fetched ahead.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitUntil } from '../../test/support/wait-until.ts';
import { sandboxes, upstreamAddress } from './names.ts';
import { inside, type Place, type Server } from './server.ts';

/** One thread. It keeps no SOA for a name of its own: its "no data" is shorter than ours. */
export async function startUnbound({ host, folder }: Place): Promise<Server> {
  const address = '127.0.0.12';
  const file = join(folder, 'unbound.conf');
  const records = sandboxes.flatMap((sandbox) =>
    sandbox.names.map((name) => `  local-data: "${name}. 5 IN A ${sandbox.address}"`),
  );
  const settings = [
    ...[`interface: ${address}`, 'num-threads: 1', 'module-config: iterator', 'verbosity: 0'],
    ...['do-daemonize: no', 'use-syslog: no', 'chroot: ""', 'username: ""', 'pidfile: ""'],
    ...['do-not-query-localhost: no', 'access-control: 127.0.0.0/8 allow'],
  ];
  const forward = ['forward-zone:', '  name: "."', `  forward-addr: ${upstreamAddress}`];
  const lines = ['server:', ...settings.map((setting) => `  ${setting}`), ...records, ...forward];
  writeFileSync(file, `${lines.join('\n')}\n`);
  const server = host.spawn(inside(['unbound', '-d', '-c', file]));
  await server.line(/start of service/);
  return { name: 'unbound', address, pid: await server.pid() };
}

/** Plain names it never forwards, as netd does not forward one that is known. */
export async function startDnsmasq({ host, folder }: Place): Promise<Server> {
  const address = '127.0.0.13';
  const file = join(folder, 'hosts');
  writeFileSync(file, sandboxes.map((sandbox) => `${sandbox.address} ${sandbox.names.join(' ')}\n`).join(''));
  const own = [`--listen-address=${address}`, '--bind-interfaces', '--no-hosts', `--addn-hosts=${file}`];
  const forward = ['--no-resolv', `--server=${upstreamAddress}`, '--domain-needed', '--cache-size=10000'];
  const command = ['dnsmasq', '--keep-in-foreground', '--log-facility=-', '--user=root', ...own, ...forward];
  const server = host.spawn(inside(command));
  await server.line(/read .* names/);
  return { name: 'dnsmasq', address, pid: await server.pid() };
}

/** It answers whom it knows: the asker is on the network by the address it asks from. */
export async function startAardvark({ host, folder }: Place): Promise<Server> {
  const address = '127.0.0.14';
  const config = join(folder, 'aardvark');
  mkdirSync(config);
  const everybody = [{ address: '127.0.0.1', names: ['asker'] }, ...sandboxes];
  const lines = everybody.map(
    (sandbox, number) => `${String(number).padStart(64, '0')} ${sandbox.address}  ${sandbox.names.join(',')}`,
  );
  writeFileSync(join(config, 'lab'), `${[`${address} ${upstreamAddress}`, ...lines].join('\n')}\n`);
  const command = ['/usr/lib/podman/aardvark-dns', '--config', config, '--port', '53', 'run'];
  await host.run(inside(command));
  return { name: 'aardvark-dns', address, pid: await waitUntil('aardvark-dns runs', () => pidOf(command)) };
}

/** No resolver: what is left of a server's cost when it has nothing to find out, and all that the asker can ask. */
export async function startTurner({ host, program }: Place): Promise<Server> {
  const address = '127.0.0.15';
  const server = host.spawn(inside([program, 'turn', address]));
  await server.line(/ready/);
  return { name: 'turned round', address, pid: await server.pid() };
}

/** Of the one process with this command line: it has put itself into the background. */
function pidOf(command: readonly string[]): number | undefined {
  const text = command.map((word) => `${word}\0`).join('');
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const found = pids.find((pid) => commandLineOf(pid) === text);
  return found === undefined ? undefined : Number(found);
}

/** Empty when it has ended meanwhile. */
function commandLineOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
