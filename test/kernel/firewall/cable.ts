// A bridge with endpoints on it that can send any frame and tell every frame they see.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { IpAddress } from '../../../src/base/cidr.ts';
import { type MacAddress, macFromBytes } from '../../../src/base/mac.ts';
import type { EndpointId, NetworkId } from '../../../src/model/ids.ts';
import type { EndpointPolicy, Sender } from '../../../src/model/policy.ts';
import { run } from '../../support/own-network.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { PinnedNamespaces } from '../dns/pinned-namespaces.ts';
import { udp } from './frames.ts';

const bridge = 'snbr0';
const framePeer = new URL('./frame-peer.py', import.meta.url).pathname;

/** Endpoint N, by what it is on the bridge. */
export function senderOf(endpoint: number): Sender {
  return {
    ifname: `snv${endpoint}`,
    mac: macFromBytes(Uint8Array.of(2, 0x81, 0, 0, 0, endpoint)),
    addresses: [addressOf(endpoint), addressOf(endpoint, 6)],
  };
}

export function addressOf(endpoint: number, family: 4 | 6 = 4): IpAddress {
  return (family === 4 ? `10.83.0.${endpoint}` : `fd83::${endpoint}`) as IpAddress;
}

export function policyOf(endpoint: number, sender: Sender = senderOf(endpoint)): EndpointPolicy {
  return {
    endpointId: `endpoint-${endpoint}` as EndpointId,
    networkId: 'network-1' as NetworkId,
    forwards: [],
    sender,
  };
}

interface Peer {
  readonly process: ChildProcess;
  readonly seen: string[];
}

let marks = 0;

export class Cable implements AsyncDisposable {
  readonly #namespaces = new PinnedNamespaces();
  readonly #paths = new Map<number, string>();
  readonly #peers = new Map<number | 'host', Peer>();

  /** With the host on it too, at the first address. */
  static async create(endpoints: readonly number[]): Promise<Cable> {
    const cable = new Cable();
    run(`ip link add ${bridge} type bridge forward_delay 0 mcast_snooping 0`);
    run(`ip address add ${addressOf(1)}/24 dev ${bridge}`);
    run(`ip address add ${addressOf(1, 6)}/64 dev ${bridge} nodad`);
    run(`ip link set ${bridge} up`);
    for (const endpoint of endpoints) await cable.#plug(endpoint);
    await cable.#listen('host', [bridge]);
    return cable;
  }

  pathOf(endpoint: number): string {
    return this.#paths.get(endpoint) ?? '';
  }

  /** Bytes no other frame has. */
  mark(): readonly number[] {
    marks++;
    return [0xf1, 0xea, 0xd0, 0xc4, marks >> 8, marks & 0xff];
  }

  /**
   * Who sees a frame with these marks in it that an endpoint sends. An honest one is sent after it by the same way, and waited
   * for.
   */
  async whoSees(
    endpoint: number,
    frame: readonly number[],
    mark: readonly number[],
    { mac, addresses }: Sender = senderOf(endpoint),
  ): Promise<readonly (number | 'host')[]> {
    const last = this.mark();
    this.#send(endpoint, frame);
    this.#send(endpoint, udp({ mac, from: addresses[0] ?? '' }, last));
    const others = [...this.#peers].filter(([place]) => place !== endpoint);
    const has = (peer: Peer, what: readonly number[]) => peer.seen.some((one) => one.includes(hex(what)));
    await waitUntil('the honest frame is seen', () => others.every(([, peer]) => has(peer, last)), {
      timeoutMs: 20_000,
    });
    return others.filter(([, peer]) => has(peer, mark)).map(([place]) => place);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { process } of this.#peers.values()) process.kill('SIGKILL');
    run(`ip link delete ${bridge}`);
    await this.#namespaces[Symbol.asyncDispose]();
  }

  async #plug(endpoint: number): Promise<void> {
    const { ifname, mac } = senderOf(endpoint);
    const path = await this.#namespaces.create(`${endpoint}`);
    this.#paths.set(endpoint, path);
    run(`ip link add eth0 address ${mac} type veth peer name ${ifname} netns ${process.pid}`, path);
    run(`ip link set ${ifname} master ${bridge} up`);
    // As the ports of guarded endpoints are.
    run(`bridge link set dev ${ifname} learning on`);
    run(`ip link set ${ifname} type bridge_slave group_fwd_mask 0xfffd`);
    run(`ip address add ${addressOf(endpoint)}/24 dev eth0`, path);
    run(`ip address add ${addressOf(endpoint, 6)}/64 dev eth0 nodad`, path);
    run('ip link set eth0 up', path);
    await this.#listen(endpoint, ['eth0'], path);
  }

  async #listen(place: number | 'host', args: readonly string[], path = '/proc/self/ns/net'): Promise<void> {
    const command = [`--net=${path}`, '--', 'python3', '-u', framePeer, ...args];
    const child = spawn('nsenter', command, { stdio: ['pipe', 'pipe', 'inherit'] });
    const seen: string[] = [];
    createInterface(child.stdout).on('line', (line) => seen.push(line));
    this.#peers.set(place, { process: child, seen });
    await waitUntil(`${place} listens`, () => seen.includes('ready'));
  }

  #send(endpoint: number, frame: readonly number[]): void {
    this.#peers.get(endpoint)?.process.stdin?.write(`${hex(frame)}\n`);
  }
}

function hex(bytes: readonly number[]): string {
  return Buffer.from(bytes).toString('hex');
}

/** An address of the network's that no endpoint has. */
export const strangersMac = '02:99:00:00:00:09' as MacAddress;
