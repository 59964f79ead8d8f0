// Opens a sandbox's resolver sockets inside its namespace.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { NetError } from '../base/errors.ts';
import { withNamespace } from '../kernel/netns.ts';
import { openServersInNamespace } from '../kernel/sockets.ts';
import type { ResolverSockets } from './listener.ts';

/** Where every sandbox finds its resolver. */
export const resolverAddress = '127.0.0.11';
const port = 53;

/** Listens on 127.0.0.11:53. Errors: `conflict` when the port is taken there, `unavailable`. */
export async function openResolverSockets(namespacePath: string): Promise<ResolverSockets> {
  try {
    const fds = await withNamespace({ path: namespacePath }, (namespace) =>
      openServersInNamespace(namespace, resolverAddress, port),
    );
    // What comes in meanwhile waits in the kernel: nothing is read before the caller has had its turn.
    return { udp: createSocket('udp4').bind({ fd: fds.udp }), tcp: await adoptTcp(fds.tcp) };
  } catch (error) {
    throw asNetError(error, namespacePath);
  }
}

async function adoptTcp(fd: number): Promise<Server> {
  const server = createServer({ allowHalfOpen: true });
  server.listen({ fd });
  await once(server, 'listening');
  return server;
}

function asNetError(error: unknown, namespacePath: string): NetError {
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    const what = `${resolverAddress}:${port} in ${namespacePath} is taken by another process`;
    return new NetError('conflict', what, { cause: error });
  }
  return new NetError('unavailable', `cannot open a resolver in ${namespacePath}`, { cause: error });
}
