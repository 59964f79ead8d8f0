// Opens a sandbox's resolver sockets inside its namespace.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { NetError } from '../base/errors.ts';
import { type Namespace, withNamespace } from '../kernel/netns.ts';
import { closeFd, openTcpInNamespace, openUdpInNamespace } from '../kernel/sockets.ts';
import type { ResolverSockets } from './listener.ts';

/** Where every sandbox finds its resolver. */
export const resolverAddress = '127.0.0.11';
const port = 53;

/** Listens on 127.0.0.11:53. Errors: `conflict` when the port is taken there, `unavailable`. */
export async function openResolverSockets(namespacePath: string): Promise<ResolverSockets> {
  try {
    const fds = await withNamespace({ path: namespacePath }, openBoth);
    // What comes in meanwhile waits in the kernel: nothing is read before the caller has had its turn.
    return { udp: createSocket('udp4').bind({ fd: fds.udp }), tcp: await adoptTcp(fds.tcp) };
  } catch (error) {
    throw asNetError(error, namespacePath);
  }
}

/** Side by side: each is opened on a thread of its own. */
async function openBoth(namespace: Namespace): Promise<{ udp: number; tcp: number }> {
  const opening = [openUdpInNamespace, openTcpInNamespace].map((open) =>
    open(namespace, resolverAddress, port),
  );
  try {
    const [udp = -1, tcp = -1] = await Promise.all(opening);
    return { udp, tcp };
  } catch (error) {
    for (const socket of await Promise.allSettled(opening))
      if (socket.status === 'fulfilled') closeFd(socket.value);
    throw error;
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
