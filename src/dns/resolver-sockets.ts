// Opens the sockets a resolver listens on: in a sandbox's namespace, or at an address of the host.
import { familyOf, type IpAddress } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import { withNamespace } from '../kernel/netns.ts';
import { openServersInNamespace, type ServerSockets } from '../kernel/sockets.ts';
import { resolverAddress } from '../model/name-entry.ts';

/** Sockets to be listened on. */
export interface OpenedSockets {
  /** Owned by whoever listens on them. */
  readonly sockets: ServerSockets;
  /**
   * Gives back what leads questions to the sockets. To be called before they are closed for good, and not when the process
   * ends. Does not reject; must not be repeated.
   */
  readonly release?: () => Promise<void>;
}

const port = 53;
const host = { path: '/proc/self/ns/net' };

/** Listens on 127.0.0.11:53. Errors: `conflict` when the port is taken there, `unavailable`. */
export async function openResolverSockets(namespacePath: string): Promise<OpenedSockets> {
  try {
    return await withNamespace({ path: namespacePath }, async (namespace) => ({
      sockets: await openServersInNamespace(namespace, resolverAddress, port),
    }));
  } catch (error) {
    throw asNetError(error, `${resolverAddress}:${port} in ${namespacePath}`);
  }
}

/**
 * Listens on port 53 of that address alone. The sockets outlive it: when the host loses it and has it again, they serve on.
 * Errors: `conflict` when the port is taken, `unavailable`, also when the host does not have the address.
 */
export async function openGatewaySockets(address: IpAddress): Promise<OpenedSockets> {
  try {
    return await withNamespace(host, async (namespace) => ({
      sockets: await openServersInNamespace(namespace, address, port),
    }));
  } catch (error) {
    throw asNetError(error, familyOf(address) === 4 ? `${address}:${port}` : `[${address}]:${port}`);
  }
}

function asNetError(error: unknown, place: string): NetError {
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    return new NetError('conflict', `${place} is taken`, { cause: error });
  }
  const reason = error instanceof Error ? error.message : String(error);
  return new NetError('unavailable', `cannot open a resolver at ${place}: ${reason}`, { cause: error });
}
