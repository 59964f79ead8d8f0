// Networks, sandboxes and what they may see, made up from a seed, with names that are easily taken for one another.
import type { IpAddress } from '../../../src/base/cidr.ts';
import type { EndpointId, NetworkId, SandboxId } from '../../../src/model/ids.ts';
import type { Forwarding, NameEntry, ResolverView } from '../../../src/model/name-entry.ts';
import type { Protocol } from '../../../src/model/port.ts';
import type { Random } from '../../support/random.ts';

const networkNames = ['lab', 'Back', 'lab.back', 'a', 'x'.repeat(63), 'com'];
const ownNames = [
  'web',
  'db',
  'a',
  'a.b',
  'WEB',
  'lab',
  'köln',
  'KÖLN',
  'x'.repeat(63),
  'y'.repeat(64),
  'w.e.b',
];
const aliases = [
  ...ownNames,
  'store',
  'crowd',
  'peer',
  '_tcp',
  '_80._tcp.web',
  '_tcp.store',
  'web.lab',
  'a..b',
  '',
];
const protocols: readonly Protocol[] = ['tcp', 'udp', 'sctp'];
export const ports = [1, 53, 80, 8080, 65_535];

export const networkIds = networkNames.map((_, i) => `network${i}` as NetworkId);
export const sandboxIds = Array.from({ length: 24 }, (_, i) => `sandbox${i}` as SandboxId);

export type WorldChange =
  | { readonly put: NameEntry }
  | { readonly remove: EndpointId }
  | { readonly view: ResolverView }
  | { readonly forget: SandboxId };

/** Names somebody may have, in text. */
export const someNames = [...new Set([...ownNames, ...aliases])].filter((name) => name !== '');
export const someNetworkNames = networkNames;

export function randomChange(random: Random): WorldChange {
  const kind = random.below(20);
  if (kind < 2) return { remove: endpointId(random) };
  if (kind === 2) return { forget: pick(random, sandboxIds) };
  return kind < 12 ? { view: randomView(random) } : { put: randomEntry(random) };
}

export function pick<T>(random: Random, items: readonly T[]): T {
  return items[random.below(items.length)] as T;
}

/** Few enough to be shared now and then, of either family. */
export function randomAddress(random: Random): IpAddress {
  const last = 1 + random.below(40);
  const texts = [
    `10.0.0.${last}`,
    `192.168.255.${last}`,
    `fd00::${last.toString(16)}`,
    `127.2.0.${1 + (last % 8)}`,
  ];
  return pick(random, texts) as IpAddress;
}

function randomEntry(random: Random): NameEntry {
  const network = random.below(networkNames.length);
  const isCrowded = random.below(6) === 0;
  return {
    endpointId: endpointId(random),
    networkId: networkIds[network] as NetworkId,
    networkName: networkNames[network] as string,
    sandboxId: pick(random, sandboxIds),
    names: [
      pick(random, ownNames),
      ...(isCrowded ? ['crowd'] : []),
      ...some(random, 3, () => pick(random, aliases)),
    ],
    addresses: isCrowded
      ? Array.from({ length: 30 }, (_, i) => `10.1.${random.below(200)}.${i}` as IpAddress)
      : some(random, 4, () => randomAddress(random)),
    services: some(random, 4, () => ({ protocol: pick(random, protocols), port: pick(random, ports) })),
  };
}

function randomView(random: Random): ResolverView {
  const forwardings: readonly Forwarding[] = ['none', 'host', [], ['192.0.2.53' as IpAddress]];
  return {
    sandboxId: pick(random, sandboxIds),
    networks: [...new Set(some(random, 5, () => pick(random, networkIds)))],
    links: some(random, 4, () => ({ alias: pick(random, aliases), target: pick(random, sandboxIds) })),
    forwarding: pick(random, forwardings),
  };
}

function endpointId(random: Random): EndpointId {
  return `endpoint${random.below(60)}` as EndpointId;
}

/** Fewer than `end`. */
function some<T>(random: Random, end: number, make: () => T): readonly T[] {
  return Array.from({ length: random.below(end) }, make);
}
