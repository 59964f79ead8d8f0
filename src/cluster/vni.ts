// Which VXLAN id a network gets. Pure.
import { createHash } from 'node:crypto';
import { NetError } from '../base/errors.ts';
import type { NetworkId } from '../model/ids.ts';
import type { Network } from '../model/network.ts';

/** Below are those that administrators like to give. */
const lowest = 4096;
const count = 2 ** 24 - lowest;

/** The one a network has, in its options. */
export function vniOf({ options }: Pick<Network, 'options'>): number | undefined {
  const text = options['vni'];
  return text === undefined ? undefined : Number(text);
}

/** One that none of the taken is, the same for the same id as long as that is free. Errors: `exhausted`. */
export function chooseVni(id: NetworkId, taken: ReadonlySet<number>): number {
  const start = createHash('sha256').update(id).digest().readUInt32BE() % count;
  for (let step = 0; step < count; step++) {
    const vni = lowest + ((start + step) % count);
    if (!taken.has(vni)) return vni;
  }
  throw new NetError('exhausted', `all ${count} VXLAN ids from ${lowest} on are taken`);
}

/** The network with its VXLAN id, the one given or a free one. Errors: `exhausted`. */
export function withVni(network: Network, others: readonly Network[]): Network {
  if (vniOf(network) !== undefined) return network;
  const taken = new Set(others.flatMap((other) => vniOf(other) ?? []));
  return { ...network, options: { ...network.options, vni: String(chooseVni(network.id, taken)) } };
}
