// A prober with sockets of its own in the namespaces concerned. Nothing of it outlives the question.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { familyOf } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import { type Namespace, openHostNamespace, openNamespace, sameNamespace } from '../kernel/netns.ts';
import { openServerInNamespace } from '../kernel/sockets.ts';
import { attemptEcho } from './attempt-echo.ts';
import { attemptTcp, attemptUdp } from './attempt-port.ts';
import { word } from './probe-end.ts';
import type { ListenAt, Probe, ProbeListener, ProbeOutcome, ProbePlace, Prober } from './prober.ts';

export class SocketProber implements Prober {
  async listen(at: ListenAt): Promise<ProbeListener | undefined> {
    const { place, protocol, address, port } = at;
    try {
      const fd = await inside(place, (namespace) =>
        openServerInNamespace(namespace, protocol, address, port),
      );
      return protocol === 'tcp' ? await answerTcp(fd) : answerUdp(fd, at);
    } catch (error) {
      if (error instanceof NetError) throw error;
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code === 'EADDRINUSE' || code === 'EADDRNOTAVAIL') return undefined;
      throw new NetError('unavailable', `cannot listen on ${port}/${protocol} at ${address}: ${code}`, {
        cause: error,
      });
    }
  }

  attempt(probe: Probe): Promise<ProbeOutcome> {
    const attempts = { tcp: attemptTcp, udp: attemptUdp, icmp: attemptEcho };
    return inside(probe.place, (namespace) => attempts[probe.protocol](namespace, probe));
  }
}

async function answerTcp(fd: number): Promise<ProbeListener> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    // Who asks may be gone before it is answered.
    socket.on('error', () => socket.destroy()).on('close', () => open.delete(socket));
    socket.end(word);
  });
  server.listen({ fd });
  await once(server, 'listening');
  return {
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

function answerUdp(fd: number, { address }: ListenAt): ProbeListener {
  const socket = createSocket(familyOf(address) === 4 ? 'udp4' : 'udp6').bind({ fd });
  let isOpen = true;
  socket
    .on('error', () => {})
    .on('message', (_, { port, address: asker }) => socket.send(word, port, asker, () => {}));
  return {
    close() {
      if (isOpen) socket.close();
      isOpen = false;
    },
  };
}

async function inside<T>(place: ProbePlace, work: (namespace: Namespace) => Promise<T>): Promise<T> {
  const namespace = place === 'host' ? openHostNamespace() : openRecorded(place);
  try {
    return await work(namespace);
  } finally {
    namespace.close();
  }
}

function openRecorded({ name, namespace }: Exclude<ProbePlace, 'host'>): Namespace {
  const message = `the network namespace of ${name} is gone`;
  let open: Namespace;
  try {
    open = openNamespace({ path: namespace.path });
  } catch (error) {
    throw new NetError('not_found', message, { cause: error });
  }
  if (sameNamespace(open, namespace)) return open;
  open.close();
  throw new NetError('not_found', message);
}
