// Sockets of a server at a port that rules of the namespace lead to, opened together with those rules.
import { native } from './native.ts';
import type { Namespace } from './netns.ts';
import { type HeldTable, heldBy } from './nftables/held-table.ts';
import type { ServerSockets } from './sockets.ts';

export interface LedServers {
  /** IPv4. What is sent to this port of it is to be led to the sockets, which are at another one. */
  readonly address: string;
  readonly port: number;
  /** Another address: somebody who has the port there too has that of all addresses, and leaves ours to us. */
  readonly elsewhere: string | undefined;
  /** Ports the sockets may have, each with the batch that leads there. It says that its table is its owner's (NFT_TABLE_F_OWNER). */
  readonly places: readonly { readonly port: number; readonly batch: Uint8Array }[];
}

export interface LedSockets {
  readonly sockets: ServerSockets;
  readonly table: HeldTable;
}

/**
 * At the first port that is free, for both protocols. The table goes with `release`, or with this process, however that ends, unless
 * another one holds its socket too. Errors: those of bind(2), with `code`: `EADDRINUSE` also when somebody has the port of that very
 * address and `elsewhere` is told; those of the kernel's rules: `EOPNOTSUPP` or `EINVAL` without owned tables (Linux 5.12) or something
 * else of the batch, `EPERM` when another process owns a table of this name.
 */
export async function openLedServers(
  namespace: Namespace,
  { address, port, elsewhere = '', places }: LedServers,
): Promise<LedSockets> {
  const ports = Uint16Array.from(places, (place) => place.port);
  const batches = places.map(({ batch }) => batch);
  const opened = await native.openLedServers(namespace.fd, address, port, elsewhere, ports, batches);
  const [udp, tcp, owner] = opened;
  return { sockets: { udp, tcp }, table: heldBy(owner) };
}
