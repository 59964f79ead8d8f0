// Opens the sockets a resolver listens on: in a sandbox's namespace, or at an address of the host.
import { familyOf, type IpAddress } from '../../base/cidr.ts';
import { NetError } from '../../base/errors.ts';
import { type Namespace, withNamespace } from '../../kernel/netns.ts';
import type { SocketKeeper } from '../../kernel/socket-keeper.ts';
import { openServersInNamespace } from '../../kernel/sockets.ts';
import { resolverAddress } from '../../model/name-entry.ts';
import { type NewSockets, type OpenedSockets, openKept } from './kept-sockets.ts';
import { questionPort } from './leading-rules.ts';
import { openLedSockets } from './led-sockets.ts';
import { lacksRules } from './rules-refusal.ts';

export type { OpenedSockets } from './kept-sockets.ts';

const host = { path: '/proc/self/ns/net' };

/**
 * What is asked at 127.0.0.11:53 comes to these sockets. Port 53 of all addresses is left to the processes there, where the
 * kernel has rules for that. Errors: `conflict` when the port of that very address is taken there, `unavailable`.
 */
export async function openResolverSockets(
  namespacePath: string,
  keeper?: SocketKeeper,
): Promise<OpenedSockets> {
  try {
    return await withNamespace({ path: namespacePath }, (namespace) => {
      // Told apart by the namespace, not by whose sandbox it is: what is kept keeps that from becoming another.
      const key = `sandbox:${namespace.device}:${namespace.inode}`;
      return openKept({ keeper, key, namespace, open: () => openIn(namespace) });
    });
  } catch (error) {
    throw asNetError(error, `${resolverAddress}:${questionPort} in ${namespacePath}`);
  }
}

/**
 * Listens on port 53 of that address alone. The sockets outlive it: when the host loses it and has it again, they serve on.
 * Errors: `conflict` when the port is taken, `unavailable`, also when the host does not have the address.
 */
export async function openGatewaySockets(address: IpAddress, keeper?: SocketKeeper): Promise<OpenedSockets> {
  try {
    return await withNamespace(host, (namespace) => {
      const open = async () => ({ sockets: await openServersInNamespace(namespace, address, questionPort) });
      return openKept({ keeper, key: `gateway:${address}`, namespace, open });
    });
  } catch (error) {
    const place = familyOf(address) === 4 ? address : `[${address}]`;
    throw asNetError(error, `${place}:${questionPort}`);
  }
}

async function openIn(namespace: Namespace): Promise<NewSockets> {
  try {
    return await openLedSockets(namespace, 'behind-all');
  } catch (error) {
    if (!lacksRules(error)) throw error;
    return { sockets: await openServersInNamespace(namespace, resolverAddress, questionPort) };
  }
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}

function asNetError(error: unknown, place: string): NetError {
  // The nft table of that name is another's (nf_tables_table_owner): who has it has the port.
  const isOwned = error instanceof Error && 'code' in error && error.code === 'EPERM';
  if (isOwned || isTaken(error)) return new NetError('conflict', `${place} is taken`, { cause: error });
  const reason = error instanceof Error ? error.message : String(error);
  return new NetError('unavailable', `cannot open a resolver at ${place}: ${reason}`, { cause: error });
}
