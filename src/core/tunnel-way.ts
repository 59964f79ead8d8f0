// The way from one network's endpoints here to those of another host, tried with real packets from inside a sandbox on the network.
import { randomInt } from 'node:crypto';
import { addressOf, familyOf, type IpAddress } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import type { HostId } from '../model/ids.ts';
import type { Network } from '../model/network.ts';
import type { ClusterHost, Peer } from '../model/peer.ts';
import type { Probe, ProbeOutcome } from '../tracer/prober.ts';
import type { TracedSandbox } from '../tracer/tracer.ts';
import { attachmentOf } from './desired.ts';
import { endpointsOfNetwork, sandboxOf } from './lookup.ts';
import type { Parts } from './parts.ts';
import { tracedSandbox } from './why-question.ts';

export interface TunnelWay {
  readonly network: Network;
  readonly host: ClusterHost;
  /** From where it is tried, and of what is there. */
  readonly place: TracedSandbox;
  readonly mtuBytes: number;
  /** Endpoints of the host. */
  readonly targets: readonly IpAddress[];
}

/** An endpoint that does not answer says little of its host. */
const targetsPerHost = 2;
/** A round trip between hosts of a cluster takes a hundredth of it. */
const patienceMs = 300;
/** A packet may be lost without a reason. */
const attempts = 2;
/** Ports nobody is asked for, but in vain. */
const closedPorts = { first: 33_434, end: 33_524 } as const;

/** To every host with endpoints on a network; none where nobody here can try it, or where endpoints are kept apart. */
export function tunnelWays(parts: Parts, network: Network): readonly TunnelWay[] {
  const from = vantage(parts, network);
  if (from === undefined || network.options['icc'] === 'false') return [];
  const { families, ...here } = from;
  const byHost = new Map<HostId, { readonly host: ClusterHost; readonly targets: IpAddress[] }>();
  for (const peer of parts.cluster.peersOf(network.id)?.values() ?? []) {
    const target = addressIn(peer, families);
    if (target === undefined) continue;
    const known = byHost.get(peer.host.id) ?? { host: peer.host, targets: [] };
    byHost.set(peer.host.id, known);
    if (known.targets.length < targetsPerHost) known.targets.push(target);
  }
  return [...byHost.values()].map((to) => ({ network, ...here, ...to }));
}

/** The endpoint there that answers a small packet. */
export async function answeringTarget(parts: Parts, way: TunnelWay): Promise<IpAddress | undefined> {
  for (const target of way.targets) {
    if ((await attempt(parts, way, { protocol: 'icmp', to: target })).answered === true) return target;
  }
  return undefined;
}

/** Whether the longest packet the network promises to carry gets there as it is. */
export function carriesWhole(parts: Parts, way: TunnelWay, to: IpAddress): Promise<boolean> {
  return inSomeAttempt(async () => {
    const outcome = await attempt(parts, way, { protocol: 'icmp', to, sizeBytes: way.mtuBytes });
    return outcome.answered === true;
  });
}

/**
 * Whether a checksum is right that the kernel leaves to the network card to compute, as it does for TCP and not for echo requests.
 * A connection to a closed port is refused then, and to a port that happens to be open made.
 */
export function checksumsArrive(parts: Parts, way: TunnelWay, to: IpAddress): Promise<boolean> {
  return inSomeAttempt(async () => {
    const port = randomInt(closedPorts.first, closedPorts.end);
    const { answered, refused } = await attempt(parts, way, { protocol: 'tcp', to, port });
    return answered === true || refused === true;
  });
}

async function inSomeAttempt(work: () => Promise<boolean>): Promise<boolean> {
  for (let number = 0; number < attempts; number++) if (await work()) return true;
  return false;
}

function attempt(
  { prober }: Parts,
  { place }: TunnelWay,
  probe: Pick<Probe, 'protocol' | 'to' | 'port' | 'sizeBytes'>,
): Promise<ProbeOutcome> {
  return prober.attempt({ ...probe, place, isOurs: false, patienceMs });
}

/** A sandbox on the network whose interface is in it. */
function vantage(parts: Parts, network: Network) {
  const { state } = parts.store;
  for (const endpoint of endpointsOfNetwork(state, network.id)) {
    const place = tracedSandbox(parts, sandboxOf(state, endpoint));
    const mtuBytes = attachmentOf(parts, endpoint)?.mtuBytes;
    if (endpoint.pending === true || place === undefined || mtuBytes === undefined) continue;
    return { place, mtuBytes, families: new Set(endpoint.addresses.map(familyOf)) };
  }
  return undefined;
}

function addressIn({ addresses }: Peer, families: ReadonlySet<number>): IpAddress | undefined {
  return addresses.map(addressOf).find((address) => families.has(familyOf(address)));
}

/** A sandbox that ends while something is tried from inside it says nothing of the way. */
export async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof NetError && error.code === 'not_found') return undefined;
    throw error;
  }
}
