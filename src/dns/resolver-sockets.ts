// Opens the sockets a resolver listens on: in a sandbox's namespace, or at an address of the host.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { familyOf, type IpAddress } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import { type Namespace, withNamespace } from '../kernel/netns.ts';
import { openServersInNamespace } from '../kernel/sockets.ts';
import { resolverAddress } from '../model/name-entry.ts';
import type { ResolverSockets } from './listener.ts';

const port = 53;
const host = { path: '/proc/self/ns/net' };

/** Listens on 127.0.0.11:53. Errors: `conflict` when the port is taken there, `unavailable`. */
export async function openResolverSockets(namespacePath: string): Promise<ResolverSockets> {
  try {
    return await withNamespace({ path: namespacePath }, (namespace) =>
      openSocketsIn(namespace, resolverAddress, port),
    );
  } catch (error) {
    throw asNetError(error, `${resolverAddress}:${port} in ${namespacePath}`);
  }
}

/**
 * Listens on port 53 of that address alone. The sockets outlive it: when the host loses it and has it again, they serve on.
 * Errors: `conflict` when the port is taken, `unavailable`, also when the host does not have the address.
 */
export async function openGatewaySockets(address: IpAddress): Promise<ResolverSockets> {
  try {
    return await withNamespace(host, (namespace) => openSocketsIn(namespace, address, port));
  } catch (error) {
    throw asNetError(error, familyOf(address) === 4 ? `${address}:${port}` : `[${address}]:${port}`);
  }
}

/** `port` 0: each socket takes a free one. Errors: those of bind(2), with `code`. */
export async function openSocketsIn(
  namespace: Namespace,
  address: IpAddress,
  port: number,
): Promise<ResolverSockets> {
  const fds = await openServersInNamespace(namespace, address, port);
  // What comes in meanwhile waits in the kernel: nothing is read before the caller has had its turn.
  const udp = createSocket(familyOf(address) === 4 ? 'udp4' : 'udp6').bind({ fd: fds.udp });
  return { udp, tcp: await adoptTcp(fds.tcp) };
}

async function adoptTcp(fd: number): Promise<Server> {
  const server = createServer({ allowHalfOpen: true });
  server.listen({ fd });
  await once(server, 'listening');
  return server;
}

function asNetError(error: unknown, place: string): NetError {
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    return new NetError('conflict', `${place} is taken`, { cause: error });
  }
  const reason = error instanceof Error ? error.message : String(error);
  return new NetError('unavailable', `cannot open a resolver at ${place}: ${reason}`, { cause: error });
}
