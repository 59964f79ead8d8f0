// A connection of TCP, or a datagram of UDP, from inside a namespace.
import { createSocket } from 'node:dgram';
import { Socket } from 'node:net';
import { familyOf, type IpAddress } from '../base/cidr.ts';
import type { Namespace } from '../kernel/netns.ts';
import { openClientInNamespace } from '../kernel/sockets.ts';
import { answered, awaitEnd, silence, word } from './probe-end.ts';
import type { Probe, ProbeOutcome } from './prober.ts';

/** A connection counts when it is made; to a listener of our own, when its word comes. */
export function attemptTcp(
  namespace: Namespace,
  { to, port = 0, isOurs, patienceMs }: Probe,
): Promise<ProbeOutcome> {
  return awaitEnd({ otherwise: silence, patienceMs }, async (settle) => {
    const fd = await openClientInNamespace(namespace, { protocol: 'tcp', from: anyAddress(to), to, port });
    const socket = new Socket({ fd });
    let heard = '';
    socket.on('error', settle).on('close', () => settle(silence));
    socket.on('data', (part) => {
      heard += part;
      if (heard === word) settle(answered);
    });
    // Writable once it is connected: the descriptor came on its way.
    if (!isOurs) socket.write('', (error) => (error ? settle(error) : settle(answered)));
    return { send: () => {}, close: () => socket.destroy() };
  });
}

/** A service may be silent as it likes; a listener of our own is not. */
export function attemptUdp(
  namespace: Namespace,
  { to, port = 0, isOurs, patienceMs }: Probe,
): Promise<ProbeOutcome> {
  const otherwise: ProbeOutcome = isOurs
    ? silence
    : { answered: undefined, text: 'is not answered, which what listens there may choose' };
  return awaitEnd({ otherwise, patienceMs }, async (settle) => {
    const fd = await openClientInNamespace(namespace, { protocol: 'udp', from: anyAddress(to), to, port });
    const socket = createSocket(familyOf(to) === 4 ? 'udp4' : 'udp6').bind({ fd });
    let isConnected = false;
    const send = () => {
      if (isConnected) socket.send('', (error) => error && settle(error));
    };
    socket.on('error', settle).on('message', (message) => {
      if (!isOurs || String(message) === word) settle(answered);
    });
    socket.on('connect', () => {
      isConnected = true;
      send();
    });
    socket.connect(port, to);
    return {
      send,
      close: () =>
        socket
          .removeAllListeners()
          .on('error', () => {})
          .close(),
    };
  });
}

function anyAddress(to: IpAddress): string {
  return familyOf(to) === 4 ? '0.0.0.0' : '::';
}
