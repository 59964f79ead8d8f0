// The sockets of one sandbox: takes questions off them and puts replies on them.
import type { Socket as UdpSocket } from 'node:dgram';
import type { Server, Socket } from 'node:net';
import type { Log } from '../base/log.ts';
import { FrameReader, frame } from './framing.ts';
import type { Reply, Transport } from './responder.ts';

/** Bound and listening. The server allows half-open connections: an asker may close its side once it has asked. */
export interface ResolverSockets {
  readonly udp: UdpSocket;
  readonly tcp: Server;
}

export type Respond = (message: Buffer, transport: Transport) => Reply | Promise<Reply>;

const idleMs = 10_000;
const connectionsMax = 64;
/** Replies an asker may leave unread before it is cut off. */
const unreadBytesMax = 256 << 10;

export class Listener {
  readonly #sockets: ResolverSockets;
  readonly #respond: Respond;
  readonly #log: Log;
  readonly #connections = new Set<Socket>();
  #closed = false;

  constructor(sockets: ResolverSockets, respond: Respond, log: Log) {
    this.#sockets = sockets;
    this.#respond = respond;
    this.#log = log;
    const { udp, tcp } = sockets;
    const failed = (error: Error) => this.#log.warn({ reason: error.message }, 'resolver socket');
    udp.on('message', (message, from) => {
      void this.#reply(message, 'udp', (reply) => udp.send(reply, from.port, from.address, ignore));
    });
    udp.on('error', failed);
    tcp.maxConnections = connectionsMax;
    tcp.on('connection', (connection) => this.#accept(connection));
    tcp.on('error', failed);
  }

  /** Closes all sockets now, so that nothing of ours holds the namespace. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#sockets.udp.close();
    this.#sockets.tcp.close();
    for (const connection of this.#connections) connection.destroy();
  }

  #accept(connection: Socket): void {
    const frames = new FrameReader();
    let pending = 0;
    let ended = false;
    const endWhenAnswered = () => {
      if (ended && pending === 0) connection.end();
    };
    this.#connections.add(connection);
    connection.setNoDelay(true).setTimeout(idleMs, () => connection.destroy());
    connection.on('data', (chunk) => {
      const messages = frames.push(chunk);
      pending += messages.length;
      for (const message of messages) {
        void this.#reply(message, 'tcp', (reply) => write(connection, reply)).finally(() => {
          pending--;
          endWhenAnswered();
        });
      }
    });
    connection.on('end', () => {
      ended = true;
      endWhenAnswered();
    });
    connection.on('error', ignore);
    connection.on('close', () => this.#connections.delete(connection));
  }

  async #reply(message: Buffer, transport: Transport, send: (reply: Buffer) => void): Promise<void> {
    const reply = await this.#respond(message, transport);
    if (reply !== undefined && !this.#closed) send(reply);
  }
}

function write(connection: Socket, reply: Buffer): void {
  if (connection.destroyed) return;
  connection.write(frame(reply));
  if (connection.writableLength > unreadBytesMax) connection.destroy();
}

/** What an asker does to its own connection is its own affair. */
function ignore(): void {}
