// What networks need of the host beyond what is theirs: that it forwards packets, and that others' firewalls let them through.
import type { ForwardingNeed } from '../drivers/host-forwarding.ts';
import type { Difference } from '../model/difference.ts';
import type { Network } from '../model/network.ts';
import type { State } from '../store/store.ts';
import { networkPolicy } from './desired.ts';
import { driverOf } from './lookup.ts';
import type { Parts } from './parts.ts';

interface HostNeeds {
  readonly forwarding: ForwardingNeed;
  /** Bridges of networks in use. */
  readonly bridges: readonly string[];
}

/** As the records are now. A built-in network, which nobody asked for, needs nothing until somebody is on it. */
function hostNeeds(parts: Parts): HostNeeds {
  const { state } = parts.store;
  const used = [...state.networks.values()].filter((network) => !isIdle(state, network));
  const routed = used.flatMap((network) => driverOf(parts, network).needsForwarding?.(network) ?? []);
  return {
    forwarding: { ipv4: routed.some(({ ipv4 }) => ipv4), ipv6: routed.some(({ ipv6 }) => ipv6) },
    bridges: used.flatMap((network) => networkPolicy(parts, network)?.ifname ?? []),
  };
}

/** After a network came or went, or the first on a built-in one, or the last. Errors: as `HostForwarding.bringAbout`. */
export async function followHostNeeds(parts: Parts): Promise<void> {
  const { forwarding, bridges } = hostNeeds(parts);
  await Promise.all([parts.forwarding.bringAbout(forwarding), parts.passage.follow(bridges)]);
}

/** Whatever was known of the host before. Errors: as `HostForwarding.bringAbout`. */
export async function meetHostNeeds(parts: Parts): Promise<void> {
  const { forwarding, bridges } = hostNeeds(parts);
  await Promise.all([parts.forwarding.bringAbout(forwarding), parts.passage.bringAbout(bridges)]);
}

export async function inspectHost(parts: Parts): Promise<readonly Difference[]> {
  const { forwarding, bridges } = hostNeeds(parts);
  return [...(await parts.forwarding.inspect(forwarding)), ...(await parts.passage.inspect(bridges))];
}

/** What concerns networks and is not for us to change, or was changed for their sake. */
export async function hostNotes(parts: Parts): Promise<readonly Difference[]> {
  return [...parts.forwarding.notes(), ...(await parts.passage.notes(hostNeeds(parts).bridges))];
}

/** Whether what the host is asked for hangs on this network's endpoints: it does with the first and with none. */
export function changesNeeds({ state }: Parts['store'], network: Network): boolean {
  const count = state.endpointsByNetwork.get(network.id)?.size ?? 0;
  return network.builtin && count <= 1;
}

function isIdle(state: State, network: Network): boolean {
  return network.builtin && (state.endpointsByNetwork.get(network.id)?.size ?? 0) === 0;
}
