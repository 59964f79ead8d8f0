// Whether a network can be deleted, by what the store has of it. Pure.
import { NetError } from '../../base/errors.ts';
import type { HostId } from '../../model/ids.ts';
import type { Network } from '../../model/network.ts';
import type { StoredKey } from '../shared-store.ts';
import type { KnownHosts } from './known-hosts.ts';
import type { Layout } from './layout.ts';
import { decodeBlock, decodeEndpoint } from './records.ts';

export interface Holdings {
  readonly keys: readonly StoredKey[];
  readonly hosts: Pick<KnownHosts, 'isAlive' | 'nameOf'>;
  readonly self: HostId;
  readonly layout: Layout;
  /** What is about to be given back is waited for. */
  readonly patient: boolean;
}

const mostNames = 10;

/** Returns when what is left is about to go by itself. Errors: `conflict`, naming hosts and what they have on it. */
export function refuseHolders(network: Network, { keys, hosts, self, layout, patient }: Holdings): void {
  const endpoints = keys.flatMap(({ key, value }) => {
    const id = layout.parsePart(key)?.endpoint;
    return (id && decodeEndpoint({ networkId: network.id, id }, value)) ?? [];
  });
  const others = endpoints.filter(({ host }) => host !== self);
  if (others.length > 0) {
    const names = others.map(({ host, endpoint }) => `${endpoint.names[0]} on ${hosts.nameOf(host)}`).sort();
    throw new NetError('conflict', `network ${network.name} is in use by ${list(names)}`);
  }
  const holders = new Set(keys.flatMap(({ value }) => decodeBlock(value) ?? []));
  const away = [...holders].filter((host) => host !== self && !hosts.isAlive(host));
  if (away.length > 0) {
    const names = away.map((host) => hosts.nameOf(host)).sort();
    throw new NetError(
      'conflict',
      `network ${network.name}: addresses of it are kept for hosts that are away: ${list(names)}`,
    );
  }
  if (patient) return;
  const names = [...holders].map((host) => hosts.nameOf(host)).sort();
  throw new NetError('conflict', `network ${network.name}: addresses of it are held by hosts ${list(names)}`);
}

function list(names: readonly string[]): string {
  const more = names.length > mostNames ? ` and ${names.length - mostNames} more` : '';
  return `${names.slice(0, mostNames).join(', ')}${more}`;
}
