// A host with bridges and endpoints on them, and a machine outside, as the drivers and an administrator would have made them.
import { execFile, spawn } from 'node:child_process';
import { type Cidr, type IpAddress, parseIp } from '../../../src/base/cidr.ts';
import type { EndpointId, NetworkId } from '../../../src/model/ids.ts';
import type { EndpointPolicy, NetworkPolicy, PortForward } from '../../../src/model/policy.ts';
import { run } from '../../support/own-network.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { PinnedNamespaces } from '../dns/pinned-namespaces.ts';

/** Namespace `host` is the test's own. */
export type Place = string;

export const hostAddress = { 4: '10.82.0.1', 6: 'fd82::1' } as const;
export const outsideAddress = { 4: '10.82.0.2', 6: 'fd82::2' } as const;
export const farAddress = { 4: '10.83.0.2', 6: 'fd83::2' } as const;
const beyondAddress = { 4: '10.83.0.1', 6: 'fd83::1' } as const;

/** Network N has 10.81.N.0/24 and fd81:N::/64, its bridge the first address of each; endpoints from .2 on. */
export function addressOf(network: number, endpoint: number, family: 4 | 6 = 4): IpAddress {
  return (family === 4 ? `10.81.${network}.${endpoint}` : `fd81:${network}::${endpoint}`) as IpAddress;
}

export function bridgeOf(network: number): string {
  return `fwbr${network}`;
}

export function networkPolicy(network: number, more: Partial<NetworkPolicy> = {}): NetworkPolicy {
  return {
    networkId: `network-${network}` as NetworkId,
    ifname: bridgeOf(network),
    subnets: [`10.81.${network}.0/24` as Cidr, `fd81:${network}::/64` as Cidr],
    internal: false,
    icc: true,
    source: { ipv4: 'masquerade', ipv6: 'masquerade' },
    direct: { ipv4: 'none', ipv6: 'none' },
    trustedInterfaces: [],
    ...more,
  };
}

export function endpointPolicy(
  id: string,
  network: number,
  forwards: readonly PortForward[],
): EndpointPolicy {
  return { endpointId: id as EndpointId, networkId: `network-${network}` as NetworkId, forwards };
}

/** TCP, host port to port 80, on every IPv4 address, unless told otherwise. */
export function forward(hostPort: number, address: IpAddress, more: Partial<PortForward> = {}): PortForward {
  const anywhere = (address.includes(':') ? '::' : '0.0.0.0') as IpAddress;
  return { protocol: 'tcp', port: 80, hostPort, hostAddress: anywhere, address, keepSource: true, ...more };
}

/** TCP port 80 of a routed network's endpoint, unless told otherwise. */
export function opening(address: IpAddress, more: Partial<PortForward> = {}): PortForward {
  const port = more.port ?? 80;
  return { protocol: 'tcp', address, keepSource: true, ...more, port, hostAddress: address, hostPort: port };
}

export interface NetworkShape {
  /** Its endpoints cannot talk to each other by the bridge itself. */
  readonly isolated?: boolean;
  /** Made by somebody who knows nothing of us. */
  readonly foreign?: boolean;
  /** The network whose bridge it is on: its subnets are further ones of that. */
  readonly on?: number;
}

/** With br_netfilter the bridges hand what they pass on to the rules as well, and go by them before the host does. */
export const bridgings = [
  { bridges: 'pass packets by the rules too', callIptables: 1 },
  { bridges: 'pass packets by themselves', callIptables: 0 },
] as const;

export function setBridging({ callIptables }: (typeof bridgings)[number]): void {
  for (const family of ['iptables', 'ip6tables']) {
    run(`sysctl -q -w net.bridge.bridge-nf-call-${family}=${callIptables}`);
  }
}

export interface Asking {
  readonly patienceSeconds?: number | undefined;
  readonly source?: string | undefined;
}

const udpPeer = new URL('./udp-peer.js', import.meta.url).pathname;
const rangePeer = new URL('./range-peer.js', import.meta.url).pathname;

export class Lan implements AsyncDisposable {
  readonly #namespaces = new PinnedNamespaces();
  readonly #paths = new Map<Place, string>();
  readonly #networks = new Set<number>();
  readonly #servers: { kill(): void }[] = [];

  /** A host that forwards, with the machine `outside` on a wire of its own. */
  static async create(): Promise<Lan> {
    const lan = new Lan();
    for (const sysctl of [
      'net.ipv4.ip_forward=1',
      'net.ipv6.conf.all.forwarding=1',
      'net.ipv6.conf.default.accept_dad=0',
      // Askers are told of every port that nobody listens on.
      'net.ipv4.icmp_ratelimit=0',
      'net.ipv6.icmp.ratelimit=0',
    ]) {
      run(`sysctl -q -w ${sysctl}`);
    }
    await lan.#plug('outside', 'fwout');
    run(`ip address add ${hostAddress[4]}/24 dev fwout`);
    run(`ip address add ${hostAddress[6]}/64 dev fwout nodad`);
    lan.#configure('outside', outsideAddress, hostAddress);
    // The machine outside is hostile: it knows where our subnets are and goes there directly.
    return lan;
  }

  /** Makes endpoints called `N.E` on network N. */
  async addNetwork(network: number, endpoints: readonly number[], shape: NetworkShape = {}): Promise<void> {
    const { isolated = false, foreign = false, on = network } = shape;
    const bridge = bridgeOf(on);
    if (on === network) {
      this.#networks.add(network);
      run(`ip link add ${bridge} type bridge forward_delay 0 mcast_snooping 0`);
      if (!foreign) run(`sysctl -q -w net.ipv4.conf.${bridge}.route_localnet=1`);
    }
    run(`ip address add ${addressOf(network, 1)}/24 dev ${bridge}`);
    run(`ip address add ${addressOf(network, 1, 6)}/64 dev ${bridge} nodad`);
    run(`ip link set ${bridge} up`);
    for (const endpoint of endpoints) {
      const place = `${network}.${endpoint}`;
      await this.#plug(place, `fwv${place}`);
      run(`ip link set fwv${place} master ${bridge}`);
      if (!foreign) run(`bridge link set dev fwv${place} hairpin on`);
      if (isolated) run(`bridge link set dev fwv${place} isolated on`);
      const own = { 4: addressOf(network, endpoint), 6: addressOf(network, endpoint, 6) };
      this.#configure(place, own, { 4: addressOf(network, 1), 6: addressOf(network, 1, 6) });
    }
  }

  /** A machine called `far`, which the one outside routes to. */
  async addFar(): Promise<void> {
    const outside = this.pathOf('outside');
    await this.#plug('far', 'fwfar');
    run(`ip link set fwfar netns ${outside}`);
    run('ip link set fwfar up', outside);
    run(`ip address add ${beyondAddress[4]}/24 dev fwfar`, outside);
    run(`ip address add ${beyondAddress[6]}/64 dev fwfar nodad`, outside);
    run('sysctl -q -w net.ipv4.ip_forward=1', outside);
    run('sysctl -q -w net.ipv6.conf.all.forwarding=1', outside);
    this.#configure('far', farAddress, beyondAddress);
    run(`ip route add 10.83.0.0/24 via ${outsideAddress[4]}`);
    run(`ip -6 route add fd83::/64 via ${outsideAddress[6]}`);
  }

  /** Answers TCP with a program's output, which gets what the asker sends. */
  async serveProgram(place: Place, port: number, program: string): Promise<void> {
    for (const family of [4, 6] as const) {
      const options = family === 6 ? ',ipv6only=1' : '';
      const listen = `TCP${family}-LISTEN:${port},fork,reuseaddr${options}`;
      this.#start(place, ['socat', listen, `SYSTEM:${program}`]);
      await this.#listens(place, family, '-t', port);
    }
  }

  /** Answers TCP with the place's name and the asker's address as seen there, over IPv4 and IPv6. */
  async serve(place: Place, port = 80): Promise<void> {
    await this.serveProgram(place, port, `read request; echo ${place} $SOCAT_PEERADDR`);
  }

  /** As `serve`, over UDP. */
  async serveUdp(place: Place, port: number): Promise<void> {
    this.#start(place, [process.execPath, udpPeer, 'serve', place, `${port}`]);
    for (const family of [4, 6] as const) await this.#listens(place, family, '-u', port);
  }

  /** On each of the ports, as `serve` and `serveUdp`, but that the port is told with the name: `1.2:8004`. */
  async serveRange(place: Place, first: number, last: number): Promise<void> {
    this.#start(place, [process.execPath, rangePeer, place, `${first}`, `${last}`]);
    for (const port of [first, last]) {
      for (const family of [4, 6] as const) {
        for (const protocol of ['-t', '-u'] as const) await this.#listens(place, family, protocol, port);
      }
    }
  }

  /**
   * The server's name and the asker's address over TCP; `silence` or `refused` when there is no answer.
   * @param how how long to wait for one, short where none is expected, and from which address to ask.
   */
  async ask(place: Place, address: string, port: number, how: number | Asking = {}): Promise<string> {
    const { patienceSeconds = 5, source } = typeof how === 'number' ? { patienceSeconds: how } : how;
    const bracketed = (one: string) => (one.includes(':') ? `[${one}]` : one);
    const from = source === undefined ? '' : `,bind=${bracketed(source)}`;
    const end = `TCP${address.includes(':') ? 6 : 4}:${bracketed(address)}:${port}`;
    const target = `${end},connect-timeout=${patienceSeconds}${from}`;
    const command = ['socat', `-t${patienceSeconds}`, `-T${patienceSeconds}`, '-', target];
    const { stdout, stderr } = await this.run(place, command, 'hello\n');
    if (stderr.includes('refused')) return 'refused';
    if (stderr !== '' && !stderr.includes('timed out')) return stderr;
    return answerText(stdout);
  }

  /**
   * As `ask`, over UDP. Asking twice from one port is one client as connection tracking sees it.
   * @param sourcePort 0 for any.
   */
  async askUdp(
    place: Place,
    address: string,
    port: number,
    sourcePort: number,
    patienceSeconds = 3,
  ): Promise<string> {
    const ask = ['ask', address, `${port}`, `${sourcePort}`, `${patienceSeconds}`];
    const command = [process.execPath, udpPeer, ...ask];
    return answerText((await this.run(place, command)).stdout);
  }

  /** Whether an echo request is answered. */
  async answersPing(place: Place, address: string, patienceSeconds = 5): Promise<boolean> {
    const family = address.includes(':') ? '-6' : '-4';
    const command = ['busybox', 'ping', family, '-c1', `-W${patienceSeconds}`, address];
    return (await this.run(place, command)).stdout.includes('1 packets received');
  }

  run(place: Place, command: readonly string[], input = ''): Promise<{ stdout: string; stderr: string }> {
    return new Promise((resolve) => {
      const child = execFile('nsenter', [...this.#enter(place), ...command], (_, stdout, stderr) =>
        resolve({ stdout, stderr }),
      );
      child.stdin?.on('error', () => {});
      child.stdin?.end(input);
    });
  }

  pathOf(place: Place): string {
    return this.#paths.get(place) ?? '/proc/self/ns/net';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) server.kill();
    for (const network of this.#networks) run(`ip link delete ${bridgeOf(network)}`);
    run('ip link delete fwout');
    await this.#namespaces[Symbol.asyncDispose]();
  }

  #start(place: Place, command: readonly string[]): void {
    this.#servers.push(spawn('nsenter', [...this.#enter(place), ...command]));
  }

  async #listens(place: Place, family: 4 | 6, protocol: '-t' | '-u', port: number): Promise<void> {
    const list = ['ss', `-${family}`, protocol, '-Hln', `sport = :${port}`];
    await waitUntil(`${place} listens`, async () => (await this.run(place, list)).stdout !== '');
  }

  #enter(place: Place): string[] {
    return [`--net=${this.pathOf(place)}`, '--'];
  }

  async #plug(place: Place, link: string): Promise<void> {
    const path = await this.#namespaces.create(place);
    this.#paths.set(place, path);
    run(`ip link add eth0 type veth peer name ${link} netns ${process.pid}`, path);
    run(`ip link set ${link} up`);
  }

  #configure(place: Place, own: Record<4 | 6, string>, gateway: Record<4 | 6, string>): void {
    const path = this.pathOf(place);
    run('sysctl -q -w net.ipv6.conf.eth0.accept_dad=0', path);
    run('ip link set lo up', path);
    run(`ip address add ${own[4]}/24 dev eth0`, path);
    run(`ip address add ${own[6]}/64 dev eth0 nodad`, path);
    run('ip link set eth0 up', path);
    run(`ip route add default via ${gateway[4]}`, path);
    run(`ip -6 route add default via ${gateway[6]}`, path);
  }
}

function answerText(text: string): string {
  const [server = '', asker = ''] = text.trim().split(' ');
  if (server === '') return 'silence';
  return asker === '' ? server : `${server} ${parseIp(asker.replaceAll(/[[\]]/g, ''), 'asker')}`;
}
