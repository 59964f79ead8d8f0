// Sockets at a free port of 127.0.0.11 that get what is asked at port 53 there, which is left to the namespace's own processes.
import { close } from 'node:fs';
import { promisify } from 'node:util';
import type { Namespace } from '../kernel/netns.ts';
import { commitAndHold, type HeldTable } from '../kernel/nftables/held-table.ts';
import { openServersInNamespace, type ServerSockets } from '../kernel/sockets.ts';
import { resolverAddress } from '../model/name-entry.ts';
import { leadingRules, type Place } from './leading-rules.ts';

export interface LedSockets {
  readonly sockets: ServerSockets;
  readonly table: HeldTable;
}

/**
 * Reserved by IANA, so that no process wants one for itself, and not among those the kernel gives to sockets that may have any: who
 * binds one of these to all addresses would find it taken.
 */
const ports = [1011, 1012, 1013, 1014, 1015, 1016, 1017, 1018, 1019, 1020];

/** Both sockets have the same port. Errors: those of bind(2), and of `commitAndHold`, with `code`. */
export async function openLedSockets(namespace: Namespace, place: Place): Promise<LedSockets> {
  const { sockets, port } = await openAtFreePort(namespace);
  try {
    return { sockets, table: await commitAndHold(namespace, leadingRules(port, place)) };
  } catch (error) {
    await closeSockets(sockets);
    throw error;
  }
}

export async function closeSockets({ udp, tcp }: ServerSockets): Promise<void> {
  await Promise.all([closeSocket(udp), closeSocket(tcp)]);
}

async function openAtFreePort(
  namespace: Namespace,
): Promise<{ readonly sockets: ServerSockets; readonly port: number }> {
  let taken: unknown;
  for (const port of ports) {
    try {
      return { sockets: await openServersInNamespace(namespace, resolverAddress, port), port };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      taken = error;
    }
  }
  throw taken;
}

const closeSocket = promisify(close);
