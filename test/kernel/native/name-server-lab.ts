// A name server at an address of loopback that no other test uses, and askers of it.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { IpAddress } from '../../../src/base/cidr.ts';
import { frame } from '../../../src/dns/forwarding/framing.ts';
import { putEndpoint, setView } from '../../../src/dns/names/table-changes.ts';
import {
  type LeftQuestion,
  type ListenerLimits,
  type ListenerRole,
  type NameServer,
  startNameServer,
} from '../../../src/kernel/name-server.ts';
import { withNamespace } from '../../../src/kernel/netns.ts';
import { openServersInNamespace, type ServerSockets } from '../../../src/kernel/sockets.ts';
import type { EndpointId, NetworkId, SandboxId } from '../../../src/model/ids.ts';

export type OnLeft = (question: LeftQuestion, server: NameServer) => void;

/** A sandbox of that number on a network of that number, and its name and address there. Its view is of that network. */
export function tell(
  server: NameServer,
  {
    name,
    address,
    number = 1,
    group = 0,
  }: { name: string; address: string; number?: number; group?: number },
): void {
  server.apply(
    putEndpoint(
      { endpoint: number, network: number, sandbox: number },
      {
        endpointId: `${number}` as EndpointId,
        networkId: `${number}` as NetworkId,
        networkName: 'lab',
        sandboxId: `${number}` as SandboxId,
        names: [name],
        addresses: [address as IpAddress],
        services: [],
      },
    ),
  );
  server.apply(setView({ sandbox: number, group, networks: [number], links: [] }));
}

/** What is left is answered with the message itself as a reply, unless the test says otherwise. */
export const echo: OnLeft = ({ ticket, message }, server) => server.reply(ticket, asReply(message));

export const roomy: ListenerLimits = { datagramBytes: 4096, connectionsMax: 1024 };
export const sandbox1: ListenerRole = { sandbox: 1, unknownIsElsewhere: false };

/** One that is stopped when the test ends. */
export function startServer(onLeft: OnLeft = echo): NameServer {
  const server = startNameServer((questions) => {
    for (const question of questions) onLeft(question, server);
  });
  onTestFinished(() => server.stop());
  return server;
}

export function openSockets(address: string): Promise<ServerSockets> {
  return withNamespace({ path: '/proc/self/ns/net' }, (namespace) =>
    openServersInNamespace(namespace, address, 53),
  );
}

let last = 0;

/** Of 127.0.0.0/8. */
export function freshAddress(): string {
  last++;
  return `127.53.${last >> 8}.${last & 0xff}`;
}

export interface Listening {
  readonly address: string;
  readonly listener: number;
}

export async function listenAt(
  server: NameServer,
  {
    at: address = freshAddress(),
    role = sandbox1,
    limits = {},
  }: { at?: string; role?: ListenerRole; limits?: Partial<ListenerLimits> } = {},
): Promise<Listening> {
  const listener = server.listen(await openSockets(address), role, { ...roomy, ...limits });
  return { address, listener };
}

export function asReply(message: Buffer): Buffer {
  const reply = Buffer.from(message);
  reply.writeUInt16BE(reply.readUInt16BE(2) | 0x8080, 2);
  return reply;
}

/** A socket of UDP with what it was told so far. */
export class Asker {
  readonly socket: UdpSocket;
  readonly replies: Buffer[] = [];

  constructor(address: string) {
    this.socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    this.socket.on('message', (reply) => this.replies.push(reply));
    this.socket.on('error', () => {});
    onTestFinished(() => void this.socket.close());
  }

  static async of(address: string, from?: string): Promise<Asker> {
    const asker = new Asker(address);
    if (from !== undefined) {
      asker.socket.bind(0, from);
      await once(asker.socket, 'listening');
    }
    asker.socket.connect(53, address);
    await once(asker.socket, 'connect');
    return asker;
  }

  /** The next reply to come. */
  async ask(message: Buffer): Promise<Buffer> {
    const reply = once(this.socket, 'message');
    this.socket.send(message);
    return (await reply)[0] as Buffer;
  }
}

export async function askOnce(address: string, message: Buffer, from?: string): Promise<Buffer> {
  const asker = await Asker.of(address, from);
  return asker.ask(message);
}

/** A connection with what it was told so far. */
export class Connection {
  readonly socket: Socket;
  readonly replies: Buffer[] = [];
  isClosed = false;
  #rest: Buffer = Buffer.alloc(0);

  constructor(address: string, from?: string) {
    const local = from === undefined ? {} : { localAddress: from };
    this.socket = connect({ port: 53, host: address, allowHalfOpen: true, ...local });
    this.socket.on('data', (chunk: Buffer) => this.#take(chunk));
    this.socket.on('error', () => {});
    this.socket.on('end', () => {
      this.isClosed = true;
    });
    this.socket.on('close', () => {
      this.isClosed = true;
    });
    onTestFinished(() => void this.socket.destroy());
  }

  static async to(address: string): Promise<Connection> {
    const connection = new Connection(address);
    await once(connection.socket, 'connect');
    return connection;
  }

  ask(...messages: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(messages.map(frame)));
  }

  #take(chunk: Buffer): void {
    let data = Buffer.concat([this.#rest, chunk]);
    while (data.length >= 2 && data.length >= 2 + data.readUInt16BE(0)) {
      const end = 2 + data.readUInt16BE(0);
      this.replies.push(data.subarray(2, end));
      data = data.subarray(end);
    }
    this.#rest = data;
  }
}
