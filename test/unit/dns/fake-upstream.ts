// A nameserver on loopback that does what a test tells it to.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import type { Upstream } from '../../../src/dns/forwarding/exchange.ts';
import { FrameReader, frame } from '../../../src/dns/forwarding/framing.ts';
import { types } from './messages.ts';
import { type FakeRecord, replyTo } from './upstream-replies.ts';

/** Says what to send for a question, in which order; nothing for silence. */
export type Behaviour = (
  question: Buffer,
  transport: 'udp' | 'tcp',
) => readonly Buffer[] | Promise<readonly Buffer[]>;

export const address = (ttl: number, last: number): FakeRecord => {
  return { type: types.A, ttl, data: [192, 0, 2, last] };
};

/** Answers every question with 192.0.2.LAST. */
export const truthful =
  (last = 1): Behaviour =>
  (question) => [replyTo(question, { answers: [address(60, last)] })];
export const silent: Behaviour = () => [];

export class FakeUpstream implements AsyncDisposable {
  readonly upstream: Upstream;
  /** Questions it got, each with the asker's port. */
  readonly received: {
    readonly transport: 'udp' | 'tcp';
    readonly question: Buffer;
    readonly port: number;
  }[] = [];
  behaviour: Behaviour;
  readonly #udp: UdpSocket;
  readonly #tcp: Server | undefined;
  readonly #connections = new Set<Socket>();

  private constructor(behaviour: Behaviour, udp: UdpSocket, tcp: Server | undefined) {
    this.behaviour = behaviour;
    this.#udp = udp;
    this.#tcp = tcp;
    this.upstream = { address: udp.address().address, port: udp.address().port };
    udp.on('message', async (question, { port, address: from }) => {
      for (const reply of await this.#replies(question, 'udp', port)) udp.send(reply, port, from);
    });
    tcp?.on('connection', (connection) => this.#accept(connection));
  }

  static async start(
    behaviour: Behaviour,
    where: { readonly address?: string; readonly port?: number; readonly tcp?: boolean } = {},
  ): Promise<FakeUpstream> {
    const host = where.address ?? '127.0.0.1';
    const udp = createSocket(isIPv6(host) ? 'udp6' : 'udp4').bind(where.port ?? 0, host);
    await once(udp, 'listening');
    if (where.tcp === false) return new FakeUpstream(behaviour, udp, undefined);
    const tcp = createServer().listen(udp.address().port, host);
    await once(tcp, 'listening');
    return new FakeUpstream(behaviour, udp, tcp);
  }

  /** On sockets that are bound and listen already. */
  static on(behaviour: Behaviour, { udp, tcp }: { readonly udp: UdpSocket; readonly tcp: Server }) {
    return new FakeUpstream(behaviour, udp, tcp);
  }

  /** Sends a datagram unasked. */
  sendTo(port: number, message: Buffer): void {
    this.#udp.send(message, port, '127.0.0.1');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    this.#tcp?.close();
    await new Promise<void>((resolve) => this.#udp.close(resolve));
  }

  #accept(connection: Socket): void {
    const frames = new FrameReader();
    this.#connections.add(connection);
    connection.on('error', () => undefined);
    connection.on('data', async (chunk) => {
      for (const question of frames.push(chunk)) {
        for (const reply of await this.#replies(question, 'tcp', connection.remotePort ?? 0))
          connection.write(frame(reply));
      }
    });
  }

  #replies(question: Buffer, transport: 'udp' | 'tcp', port: number) {
    this.received.push({ transport, question, port });
    return this.behaviour(question, transport);
  }
}

/** An upstream nobody is at. */
export async function deadUpstream(): Promise<Upstream> {
  await using server = await FakeUpstream.start(silent, { tcp: false });
  return server.upstream;
}
