// The sockets of one resolver: takes questions off them and puts replies on them.
import type { Socket as UdpSocket } from 'node:dgram';
import type { Server, Socket } from 'node:net';
import type { Log } from '../base/log.ts';
import { FrameReader, frame } from './framing.ts';
import type { Reply, Transport } from './responder.ts';
import { SetMap } from './set-map.ts';

/** Bound and listening. The server allows half-open connections: an asker may close its side once it has asked. */
export interface ResolverSockets {
  readonly udp: UdpSocket;
  readonly tcp: Server;
  /** What else is given back when they are closed. Does not reject. */
  readonly release?: () => Promise<void>;
}

/** `from` is the asker's address. */
export type Respond = (message: Buffer, transport: Transport, from: string) => Reply | Promise<Reply>;

export interface ListenerOptions {
  readonly respond: Respond;
  /** Of all askers together; one has 64 at most. */
  readonly connectionsMax?: number;
  readonly log: Log;
}

const idleMs = 10_000;
const connectionsPerAsker = 64;
/** Replies an asker may leave unread before it is cut off. */
const unreadBytesMax = 256 << 10;

export class Listener {
  readonly #sockets: ResolverSockets;
  readonly #respond: Respond;
  readonly #connections = new SetMap<string, Socket>();
  #closed = false;

  constructor(sockets: ResolverSockets, options: ListenerOptions) {
    const { respond, connectionsMax = connectionsPerAsker, log } = options;
    this.#sockets = sockets;
    this.#respond = respond;
    const { udp, tcp } = sockets;
    const failed = (error: Error) => log.warn({ reason: error.message }, 'resolver socket');
    udp.on('message', (message, from) => {
      void this.#send(this.#respond(message, 'udp', from.address), (reply) =>
        udp.send(reply, from.port, from.address, ignore),
      );
    });
    udp.on('error', failed);
    tcp.maxConnections = connectionsMax;
    tcp.on('connection', (connection) => this.#accept(connection));
    tcp.on('error', failed);
  }

  /** Closes all sockets now, so that nothing of ours holds the namespace. */
  close(): Promise<void> | undefined {
    if (this.#closed) return undefined;
    this.#closed = true;
    this.#sockets.udp.close();
    this.#sockets.tcp.close();
    for (const connection of this.#connections.values()) connection.destroy();
    return this.#sockets.release?.();
  }

  #accept(connection: Socket): void {
    const from = connection.remoteAddress;
    if (from === undefined || this.#connections.count(from) >= connectionsPerAsker) {
      connection.destroy();
      return;
    }
    const frames = new FrameReader();
    let pending = 0;
    let ended = false;
    const endWhenAnswered = () => {
      if (ended && pending === 0) connection.end();
    };
    this.#connections.add(from, connection);
    connection.setNoDelay(true).setTimeout(idleMs, () => connection.destroy());
    connection.on('data', (chunk) => {
      const messages = frames.push(chunk);
      pending += messages.length;
      for (const message of messages) {
        void this.#send(this.#respond(message, 'tcp', from), (reply) => write(connection, reply)).finally(
          () => {
            pending--;
            endWhenAnswered();
          },
        );
      }
    });
    connection.on('end', () => {
      ended = true;
      endWhenAnswered();
    });
    connection.on('error', ignore);
    connection.on('close', () => this.#connections.delete(from, connection));
  }

  async #send(coming: Reply | Promise<Reply>, send: (reply: Buffer) => void): Promise<void> {
    const reply = await coming;
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
