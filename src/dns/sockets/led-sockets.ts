// Sockets at a free port of 127.0.0.11 that get what is asked at port 53 there, which is left to the namespace's own processes.
import { type LedServers, type LedSockets, openLedServers } from '../../kernel/led-servers.ts';
import type { Namespace } from '../../kernel/netns.ts';
import { resolverAddress } from '../../model/name-entry.ts';
import { askingAddress, leadingRules, type Place, questionPort } from './leading-rules.ts';

/**
 * Reserved by IANA, so that no process wants one for itself, and not among those the kernel gives to sockets that may have any: who
 * binds one of these to all addresses would find it taken.
 */
const ports = [1011, 1012, 1013, 1014, 1015, 1016, 1017, 1018, 1019, 1020];

/** Made once: each has the rules of all ports. */
const wanted = new Map<Place, LedServers>();

/** Both sockets have the same port. Errors: those of `openLedServers`, with `code`. */
export function openLedSockets(namespace: Namespace, place: Place): Promise<LedSockets> {
  const known = wanted.get(place) ?? ledTo(place);
  wanted.set(place, known);
  return openLedServers(namespace, known);
}

function ledTo(place: Place): LedServers {
  return {
    address: resolverAddress,
    port: questionPort,
    // Behind all others' rules it is as if port 53 were ours, which somebody may have; before them it is the engine's, who has it.
    elsewhere: place === 'behind-all' ? askingAddress : undefined,
    places: ports.map((port) => ({ port, batch: leadingRules(port, place).finish() })),
  };
}
