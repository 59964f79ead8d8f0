// Servers and clients for traffic tests: a server answers each connection with its own name and the asker's address.
import { expect } from 'vitest';
import { parseIp } from '../../src/base/cidr.ts';
import type { HostProcess } from './host-process.ts';
import type { TestHost } from './test-host.ts';

/** Who answered, and which address the question came from. */
export interface Answer {
  readonly server: string;
  readonly asker: string;
}

export interface Place {
  readonly host: TestHost;
  /** A sandbox on it; absent: the host itself. */
  readonly sandbox?: string;
}

/** Runs a server as the detached process of a new sandbox. `flags` are those of `net run`. */
export async function startServer(host: TestHost, name: string, ...flags: readonly string[]): Promise<void> {
  await host.net('run', '-d', '--name', name, ...flags, '--', ...serverCommand(name, 80));
}

/** Runs a server as a plain process of the host. */
export function startHostServer(host: TestHost, name: string, port: number): HostProcess {
  return host.spawn(serverCommand(name, port));
}

/** Asks until the server has started and answers. */
export async function ask(place: Place, address: string, port = 80): Promise<Answer> {
  const { status, stdout, stderr } = await connect(place, address, port, 'retry=50,interval=0.1');
  if (status !== 0) throw new Error(`${address} port ${port} does not answer: ${stderr}`);
  const [server = '', asker = ''] = stdout.trim().split(' ');
  return { server, asker: parseIp(asker.replace(/^\[|\]$/g, ''), 'asker') };
}

/** Fails when anybody answers. Ask the same server from elsewhere before, so that silence means something. */
export async function expectSilence(place: Place, address: string, port = 80): Promise<void> {
  const { stdout } = await connect(place, address, port, 'connect-timeout=1');
  expect(stdout, `${address} port ${port}`).toBe('');
}

/** The addresses a name has for a sandbox; empty when it has none. */
export async function resolve(host: TestHost, sandbox: string, name: string, type = 'A'): Promise<string[]> {
  const dig = ['dig', '+short', '+tries=1', '+time=2', name, type];
  const answer = await host.net('exec', sandbox, '--', ...dig);
  return answer
    .split('\n')
    .filter((line) => line !== '')
    .sort();
}

/** The address of a sandbox's interface, without the prefix length. */
export async function addressOf(
  host: TestHost,
  sandbox: string,
  ifname = 'eth0',
  family = 4,
): Promise<string> {
  const show = ['ip', `-${family}`, '-json', 'address', 'show', 'dev', ifname, 'scope', 'global'];
  const links = JSON.parse(await host.net('exec', sandbox, '--', ...show)) as {
    addr_info: { local: string }[];
  }[];
  const address = links[0]?.addr_info[0]?.local;
  if (address === undefined) throw new Error(`${sandbox} has no IPv${family} address on ${ifname}`);
  return address;
}

function connect(place: Place, address: string, port: number, options: string) {
  const target = address.includes(':') ? `TCP6:[${address}]:${port}` : `TCP4:${address}:${port}`;
  const command = ['socat', '-u', '-T3', `${target},${options}`, 'STDOUT'];
  if (place.sandbox === undefined) return place.host.attempt(command);
  return place.host.tryNet('exec', place.sandbox, '--', ...command);
}

export function serverCommand(name: string, port: number): string[] {
  const reply = `SYSTEM:echo ${name} $SOCAT_PEERADDR`;
  return ['socat', `TCP6-LISTEN:${port},ipv6only=0,fork,reuseaddr,backlog=64`, reply];
}
