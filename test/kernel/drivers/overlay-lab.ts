// Other hosts of an overlay network, as an administrator would make them of ip(8) and bridge(8), on one wire with the test's namespace.
import type { InterfaceAddress, IpAddress } from '../../../src/base/cidr.ts';
import { type MacAddress, macFromBytes } from '../../../src/base/mac.ts';
import { randomId } from '../../../src/base/random-id.ts';
import type { EndpointId, HostId, SandboxId } from '../../../src/model/ids.ts';
import type { Network } from '../../../src/model/network.ts';
import type { Peer } from '../../../src/model/peer.ts';
import { run, succeeds } from '../../support/own-network.ts';
import { PinnedNamespaces } from '../dns/pinned-namespaces.ts';

export type Family = 4 | 6;

/** Of the test's own namespace, and where others find its endpoints. */
export const ownAddress = { 4: '10.90.0.1', 6: 'fd90::1' } as const;
export const ownMac = '02:00:00:00:90:01' as MacAddress;

export interface FarOptions {
  readonly number: number;
  readonly network: Network;
  /** Of the outer packets. */
  readonly outer: Family;
  /** Of the endpoint that the host is itself. */
  readonly addresses: readonly string[];
}

/** A host with one endpoint: its VXLAN has the endpoint's addresses itself. */
export interface Far {
  readonly path: string;
  readonly vtep: IpAddress;
  readonly peer: Peer;
  /** Tells it of an endpoint at the test's own namespace. */
  knows(mac: string, addresses: readonly string[]): void;
  /** Packets that came by the wire since the last `forget`, by what is in the tunnel. */
  arrived(): Arrived;
  forget(): void;
}

export interface Arrived {
  readonly all: number;
  readonly arp: number;
  readonly solicitations: number;
  /** UDP to port 9. */
  readonly datagrams: number;
}

export class Wire implements AsyncDisposable {
  readonly #namespaces = new PinnedNamespaces();
  readonly #ports: string[] = [];

  /** The wire is a bridge in the test's namespace, which has its own addresses on it. */
  constructor() {
    run('ip link add wire0 type bridge forward_delay 0 mcast_snooping 0');
    run(`ip address add ${ownAddress[4]}/24 dev wire0`);
    run(`ip address add ${ownAddress[6]}/64 dev wire0 nodad`);
    run('ip link set wire0 up');
  }

  async far({ number, network, outer, addresses }: FarOptions): Promise<Far> {
    const path = await this.#namespaces.create(`far${number}`);
    const vtep = outer === 4 ? `10.90.0.${number}` : `fd90::${number}`;
    const mac = macFromBytes(Buffer.from([2, 0, 0, 0, 0x91, number]));
    run(`ip link add far${number} type veth peer name eth0 netns ${path}`);
    this.#ports.push(`far${number}`);
    run(`ip link set far${number} master wire0 up`);
    run(
      `ip address add ${vtep}/${outer === 4 ? 24 : 64} dev eth0 ${outer === 6 ? 'nodad' : ''}`.trim(),
      path,
    );
    run('ip link set eth0 up', path);
    const { vni = '0', vtep_port: port = '4789', mtu = '1450' } = network.options;
    run(
      `ip link add vx0 address ${mac} mtu ${mtu} type vxlan id ${vni} local ${vtep} dstport ${port} nolearning`,
      path,
    );
    for (const address of addresses) run(`ip address add ${address} dev vx0${nodad(address)}`, path);
    run('ip link set vx0 up', path);
    count(path, port);
    return {
      path,
      vtep: vtep as IpAddress,
      peer: makePeer(network, { mac, addresses, address: vtep }),
      knows: (ofMac, at) => {
        run(`bridge fdb replace ${ofMac} dev vx0 dst ${ownAddress[outer]} self permanent`, path);
        for (const one of at) run(`ip neighbour replace ${one} lladdr ${ofMac} nud permanent dev vx0`, path);
      },
      arrived: () => readCounters('list', path),
      forget: () => void readCounters('reset', path),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A namespace without a pin goes when the kernel comes to it.
    for (const port of this.#ports) succeeds(`ip link delete ${port}`);
    await this.#namespaces[Symbol.asyncDispose]();
    succeeds('ip link delete wire0');
  }
}

export function makePeer(
  network: Network,
  one: {
    readonly mac: string;
    readonly addresses: readonly string[];
    readonly address: string;
    readonly id?: string;
  },
): Peer {
  const { mac, addresses, address, id = randomId() } = one;
  return {
    id: id as EndpointId,
    networkId: network.id,
    sandboxId: randomId() as SandboxId,
    names: ['far'],
    mac: mac as MacAddress,
    addresses: addresses as readonly InterfaceAddress[],
    services: [],
    host: {
      id: `host-${address}` as HostId,
      name: `host-${address}`,
      address: address as IpAddress,
      mac: ownMac,
      mtuBytes: 1500,
    },
  };
}

/** What the kernel knows of peers, in the words of bridge(8) and ip(8), sorted. */
export function dumpEntries(network: Network): readonly string[] {
  const id = network.id.slice(0, 10);
  const fdb = run(`bridge fdb show dev vx-${id}`).split('\n');
  const neighbours = run(`ip neighbour show dev fl-${id} nud permanent`).split('\n');
  return [...fdb.filter((line) => line.includes('static') || line.includes('self')), ...neighbours]
    .map((line) =>
      line
        .replaceAll(/ (master|br) fl-\S+/g, ' master')
        .trim()
        .replaceAll(/\s+/g, ' '),
    )
    .filter((line) => line !== '')
    .sort();
}

/** What `dumpEntries` shows where exactly these peers are known. */
export function entriesOfPeers(peers: readonly Peer[], floods: readonly string[] = []): readonly string[] {
  const lines = peers.flatMap(({ mac, addresses, host }) => [
    `${mac} dst ${host.address} self permanent`,
    `${mac} master static`,
    ...addresses.map((address) => `${address.split('/')[0]} lladdr ${mac} PERMANENT`),
  ]);
  const flooded = floods.map((host) => `00:00:00:00:00:00 dst ${host} self permanent`);
  return [...new Set([...lines, ...flooded])].sort();
}

function nodad(address: string): string {
  return address.includes(':') ? ' nodad' : '';
}

/**
 * In a tunnel the inner frame begins 16 bytes after UDP does: its type is at 12, the addresses after it at 14. From there the protocol is at
 * 9 and UDP's port at 22 of IPv4, or at 6 and 42 of IPv6, where ICMP's type is at 40.
 */
function count(path: string, port: string): void {
  run('nft add table inet count', path);
  const rules = [
    ['in_all', ''],
    ['in_arp', '@th,224,16 0x0806 '],
    ['in_ns', '@th,224,16 0x86dd @th,288,8 58 @th,560,8 135 '],
    ['in_udp', '@th,224,16 0x0800 @th,312,8 17 @th,416,16 9 '],
    ['in_udp', '@th,224,16 0x86dd @th,288,8 17 @th,576,16 9 '],
  ] as const;
  for (const name of new Set(rules.map(([counter]) => counter)))
    run(`nft add counter inet count ${name}`, path);
  run('nft add chain inet count in { type filter hook prerouting priority 0 ; }', path);
  for (const [name, match] of rules) {
    run(`nft add rule inet count in udp dport ${port} ${match}counter name ${name}`, path);
  }
}

function readCounters(verb: 'list' | 'reset', path: string): Arrived {
  const { nftables } = JSON.parse(run(`nft -j ${verb} counters table inet count`, path)) as {
    nftables: readonly { readonly counter?: { readonly name: string; readonly packets: number } }[];
  };
  const of = (wanted: string) =>
    nftables.find(({ counter }) => counter?.name === wanted)?.counter?.packets ?? 0;
  return { all: of('in_all'), arp: of('in_arp'), solicitations: of('in_ns'), datagrams: of('in_udp') };
}
