// Sockets the kernel gave as descriptors, in the hands of node.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { familyOf, type IpAddress } from '../base/cidr.ts';
import type { Namespace } from '../kernel/netns.ts';
import { openServersInNamespace, type ServerSockets } from '../kernel/sockets.ts';
import type { OpenedSockets } from './kept-sockets.ts';
import type { ResolverSockets } from './listener.ts';

/** `port` 0: each socket takes a free one. Errors: those of bind(2), with `code`. */
export async function openSocketsIn(
  namespace: Namespace,
  address: IpAddress,
  port: number,
): Promise<ResolverSockets> {
  return adoptSockets(await openServersInNamespace(namespace, address, port), familyOf(address));
}

export async function adoptOpened(opened: OpenedSockets, family: 4 | 6 = 4): Promise<ResolverSockets> {
  const { sockets, release } = opened;
  return { ...(await adoptSockets(sockets, family)), ...(release && { release }) };
}

async function adoptSockets(sockets: ServerSockets, family: 4 | 6): Promise<ResolverSockets> {
  // What comes in meanwhile waits in the kernel: nothing is read before the caller has had its turn.
  const udp = createSocket(family === 4 ? 'udp4' : 'udp6').bind({ fd: sockets.udp });
  return { udp, tcp: await adoptTcp(sockets.tcp) };
}

async function adoptTcp(fd: number): Promise<Server> {
  const server = createServer({ allowHalfOpen: true });
  server.listen({ fd });
  await once(server, 'listening');
  return server;
}
