// Sockets node cannot open by itself: in another namespace, or only to hold a port. Whoever asks for one closes it.
import { closeSync, readSync, writeSync } from 'node:fs';
import { isIP } from 'node:net';
import { NetError } from '../base/errors.ts';
import { native } from './native.ts';
import type { Namespace } from './netns.ts';

export interface ServerSockets {
  /** Bound, fit for node:dgram's `bind({ fd })`. */
  readonly udp: number;
  /** Listening, fit for node:net's `listen({ fd })`. */
  readonly tcp: number;
}

/** A socket of each protocol on one address and port in the namespace, or none. Errors: those of bind(2), with `code`. */
export async function openServersInNamespace(
  namespace: Namespace,
  address: string,
  port: number,
): Promise<ServerSockets> {
  checkEndpoint(address, port);
  const [udp, tcp] = await native.openServers(namespace.fd, address, port);
  return { udp, tcp };
}

/** One of them: bound for UDP, listening for TCP. Errors: those of bind(2), with `code`. */
export async function openServerInNamespace(
  namespace: Namespace,
  protocol: 'tcp' | 'udp',
  address: string,
  port: number,
): Promise<number> {
  checkEndpoint(address, port);
  return native.openServer(namespace.fd, protocol, address, port);
}

export interface ClientSocket {
  readonly protocol: 'tcp' | 'udp';
  /** The source address; the port is one the kernel chooses. */
  readonly from: string;
  readonly to: string;
  readonly port: number;
}

/**
 * A socket in the namespace to ask a server there: of UDP bound, fit for node:dgram's `bind({ fd })` and then `connect`; of TCP
 * on its way to the server, fit for `new Socket({ fd })` of node:net. Errors: those of bind(2) and connect(2), with `code`.
 */
export async function openClientInNamespace(
  namespace: Namespace,
  { protocol, from, to, port }: ClientSocket,
): Promise<number> {
  checkEndpoint(from, 0);
  checkEndpoint(to, port);
  return native.openClient(namespace.fd, protocol, from, to, port);
}

export interface EchoSocket {
  /** Sends an ICMP message with its header; the kernel writes the checksum of version 6. Errors: those of send(2). */
  send(message: Uint8Array): void;
  /** May be repeated. */
  close(): void;
}

/**
 * Sends ICMP to one address from within the namespace.
 * @param receive is given what comes from that address; messages of version 4 begin with the header of IP (`man 7 raw`).
 * Errors: those of connect(2), with `code`.
 */
export async function openEchoInNamespace(
  namespace: Namespace,
  to: string,
  receive: (message: Uint8Array | Error) => void,
): Promise<EchoSocket> {
  checkEndpoint(to, 0);
  const fd = await native.openEcho(namespace.fd, to);
  const buffer = new Uint8Array(echoBytes);
  let isOpen = true;
  const stop = native.poll(fd, () => {
    try {
      receive(buffer.slice(0, readSync(fd, buffer)));
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return;
      receive(error instanceof Error ? error : new Error(String(error)));
    }
  });
  return {
    send: (message) => void writeSync(fd, message),
    close() {
      if (isOpen) stop();
      isOpen = false;
    },
  };
}

/** More than an echo and its headers; longer messages are cut. */
const echoBytes = 1024;

export interface HeldHostPort {
  readonly fd: number;
  readonly port: number;
}

/**
 * Binds a port of the daemon's namespace so that no other process gets it. The socket itself lets no packet in.
 * `port` 0 takes a free one; `everywhere` stands for `0.0.0.0` and `::` by one socket. Errors: those of bind(2), with `code`:
 * `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`; `EPROTONOSUPPORT` or `ESOCKTNOSUPPORT` where the kernel has no sockets of this protocol.
 */
export function holdHostPort(
  protocol: 'tcp' | 'udp' | 'sctp',
  address: string | typeof everywhere,
  port: number,
): HeldHostPort {
  const isEverywhere = address === everywhere;
  const bound = isEverywhere ? '::' : address;
  checkEndpoint(bound, port);
  return native.holdPort(protocol, bound, port, isEverywhere);
}

export const everywhere = 'everywhere';

export function closeFd(fd: number): void {
  closeSync(fd);
}

/** Sends one datagram to a unix socket; `@` begins an abstract name. Errors: those of sendto(2), with `code`. */
export function sendToUnixSocket(path: string, text: string): void {
  native.sendToUnix(path, text);
}

function checkEndpoint(address: string, port: number): void {
  if (isIP(address) === 0 || address.includes('%')) {
    throw new NetError('internal', `${address} is not an IP address`);
  }
  if (!Number.isInteger(port) || port < 0 || port > 0xffff) {
    throw new NetError('internal', `${port} is not a port`);
  }
}
