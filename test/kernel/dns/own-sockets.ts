// Sockets in the test's own namespace, as a resolver is given them, and in the hands of node.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import type { OpenedSockets } from '../../../src/dns/sockets/resolver-sockets.ts';
import { withNamespace } from '../../../src/kernel/netns.ts';
import { openServersInNamespace } from '../../../src/kernel/sockets.ts';
import { hostNamespace } from './pinned-namespaces.ts';

/** One that nobody has in a namespace made for tests. */
export const testPort = 5300;

export async function openOwnSockets(address: string): Promise<OpenedSockets> {
  const sockets = await withNamespace({ path: hostNamespace }, (namespace) =>
    openServersInNamespace(namespace, address, testPort),
  );
  return { sockets };
}

/** At free ports of 127.0.0.11 of a namespace. */
export async function openNodeSockets(
  path: string,
): Promise<{ readonly udp: UdpSocket; readonly tcp: Server }> {
  const fds = await withNamespace({ path }, (namespace) =>
    openServersInNamespace(namespace, '127.0.0.11', 0),
  );
  const tcp = createServer().listen({ fd: fds.tcp });
  await once(tcp, 'listening');
  return { udp: createSocket('udp4').bind({ fd: fds.udp }), tcp };
}
