// Opens a sandbox's resolver sockets inside its namespace.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { NetError } from '../base/errors.ts';
import { withNamespace } from '../kernel/netns.ts';
import { openTcpInNamespace, openUdpInNamespace } from '../kernel/sockets.ts';
import type { ResolverSockets } from './listener.ts';
import { resolverAddress } from './resolv-conf.ts';

const port = 53;

/** Listens on 127.0.0.11:53. Errors: `conflict` when the port is taken there, `unavailable`. */
export async function openResolverSockets(namespacePath: string): Promise<ResolverSockets> {
  try {
    return await withNamespace({ path: namespacePath }, async (namespace) => {
      const udp = adoptUdp(await openUdpInNamespace(namespace, resolverAddress, port));
      try {
        return { udp, tcp: await adoptTcp(await openTcpInNamespace(namespace, resolverAddress, port)) };
      } catch (error) {
        udp.close();
        throw error;
      }
    });
  } catch (error) {
    throw asNetError(error, namespacePath);
  }
}

/** An adopted descriptor listens at once, before anybody could wait for the event. */
function adoptUdp(fd: number): UdpSocket {
  return createSocket('udp4').bind({ fd });
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
