// A name server's thread and the slow path, both told the same world, on loopback.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { pino } from 'pino';
import type { IpAddress } from '../../../src/base/cidr.ts';
import type { View } from '../../../src/dns/answer.ts';
import { viewFrom } from '../../../src/dns/askers.ts';
import { FrameReader, frame } from '../../../src/dns/forwarding/framing.ts';
import { Mirror } from '../../../src/dns/names/mirror.ts';
import { NameTable } from '../../../src/dns/names/name-table.ts';
import { Responder, type Transport } from '../../../src/dns/responder.ts';
import { LeftCounts } from '../../../src/dns/statistics.ts';
import { type LeftQuestion, type ListenerRole, startNameServer } from '../../../src/kernel/name-server.ts';
import type { NetworkId, SandboxId } from '../../../src/model/ids.ts';
import type { ResolverView } from '../../../src/model/name-entry.ts';
import { openOwnSockets, testPort } from './own-sockets.ts';
import type { WorldChange } from './random-world.ts';

/** What became of a message: the bytes of its reply, or `left`; nothing for silence. */
export type Fate = Buffer | 'left' | undefined;

/** One place questions are asked at, and from where. */
export interface Place {
  readonly address: string;
  readonly from: string;
  readonly datagramBytes: number;
  readonly view: () => View | undefined;
  /** Whether the asker has a view of its own, and the thread was told it. */
  readonly isKnown: () => boolean;
}

interface Batch {
  readonly ids: ReadonlySet<number>;
  readonly fates: Map<number, Fate>;
  readonly seen: () => void;
}

/** What sandboxes ask from that have a resolver inside. */
export const insideAddress = '127.0.0.1';
const idOf = (message: Buffer) => message.readUInt16BE(0);
/** The same for all: nothing is remembered here. */
const group = 7;

export class AgreementBed implements AsyncDisposable {
  readonly places: Place[] = [];
  readonly #table = new NameTable();
  readonly #views = new Map<SandboxId, ResolverView>();
  readonly #server = startNameServer((questions) => this.#takeLeft(questions));
  readonly #mirror = new Mirror((changes) => this.#server.apply(changes));
  readonly #askers = new Map<string, UdpSocket>();
  readonly #responder = new Responder({
    table: this.#table,
    forward: async () => undefined,
    counts: new LeftCounts(() => true),
    log: pino({ level: 'silent' }),
  });
  #batch: Batch | undefined;

  change(change: WorldChange): void {
    if ('put' in change) {
      this.#table.upsert(change.put);
      this.#mirror.put(change.put);
    } else if ('remove' in change) {
      this.#table.remove(change.remove);
      this.#mirror.remove(change.remove);
    } else if ('view' in change) {
      this.#views.set(change.view.sandboxId, change.view);
      this.#mirror.setView(change.view, change.view.forwarding === 'none' ? 0 : group);
    } else {
      this.#views.delete(change.forget);
      this.#mirror.removeView(change.forget);
    }
  }

  async addResolver(sandboxId: SandboxId, address: string): Promise<void> {
    const role = { sandbox: this.#mirror.sandboxes.take(sandboxId), unknownIsElsewhere: false };
    const asker = { view: () => this.#views.get(sandboxId), isKnown: () => this.#views.has(sandboxId) };
    await this.#add(role, { address, from: insideAddress, datagramBytes: 4096, ...asker });
  }

  async addBeside(sandboxId: SandboxId, address: string): Promise<void> {
    const role = { sandbox: this.#mirror.sandboxes.take(sandboxId), unknownIsElsewhere: true };
    const nothing: View = { networks: [], links: [], forwarding: 'host' };
    const view = () => ({ ...(this.#views.get(sandboxId) ?? nothing), forwarding: 'host' as const });
    const asker = { view, isKnown: () => this.#views.has(sandboxId) };
    await this.#add(role, { address, from: insideAddress, datagramBytes: 4096, ...asker });
  }

  async addGateway(networkId: NetworkId, address: string, askers: readonly string[]): Promise<void> {
    const role = { network: this.#mirror.networks.take(networkId) };
    const parts = { table: this.#table, views: this.#views, isHost: () => false };
    const places = askers.map((from) => {
      const view = () => viewFrom(from, networkId, parts);
      const isKnown = () =>
        this.#views.has(this.#table.holder(from as IpAddress, networkId)?.sandboxId as SandboxId);
      return { address, from, datagramBytes: 1232, view, isKnown };
    });
    for (const [i, place] of places.entries()) {
      if (i === 0) await this.#add(role, place);
      else this.places.push(place);
    }
  }

  /** By the slow path; `left` for what it would forward. */
  slow(message: Buffer, place: Place, transport: Transport, datagramBytes = place.datagramBytes): Fate {
    const said = this.#responder.respond(message, transport, place.view(), datagramBytes);
    return said instanceof Promise ? 'left' : said.reply;
  }

  /** By the thread, all at once; ends when each message of `answered` has a fate. */
  async fast(
    messages: readonly Buffer[],
    place: Place,
    transport: Transport,
    answered: number,
  ): Promise<ReadonlyMap<number, Fate>> {
    const fates = new Map<number, Fate>();
    const complete = new Promise<void>((resolve) => {
      const seen = () => {
        if (fates.size >= answered) resolve();
      };
      this.#batch = { ids: new Set(messages.filter(({ length }) => length >= 2).map(idOf)), fates, seen };
      seen();
    });
    if (transport === 'tcp') await this.#overTcp(messages, place);
    else
      for (const message of messages) (await this.#asker(place.from)).send(message, testPort, place.address);
    await complete;
    return fates;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.stop();
    for (const socket of this.#askers.values()) socket.close();
  }

  async #add(role: ListenerRole, place: Place): Promise<void> {
    const { datagramBytes } = place;
    const { sockets } = await openOwnSockets(place.address);
    this.#server.listen(sockets, role, { datagramBytes, connectionsMax: 64 });
    this.places.push(place);
  }

  async #overTcp(messages: readonly Buffer[], { address, from }: Place): Promise<void> {
    const connection = connect({ port: testPort, host: address, localAddress: from });
    const frames = new FrameReader();
    connection.on('data', (chunk) => {
      for (const reply of frames.push(chunk)) this.#take(reply, reply);
    });
    connection.end(Buffer.concat(messages.map(frame)));
    await once(connection, 'close');
  }

  async #asker(from: string): Promise<UdpSocket> {
    const known = this.#askers.get(from);
    if (known !== undefined) return known;
    const socket = createSocket('udp4').bind(0, from);
    await once(socket, 'listening');
    socket.on('message', (reply) => this.#take(reply, reply));
    this.#askers.set(from, socket);
    return socket;
  }

  #takeLeft(questions: readonly LeftQuestion[]): void {
    for (const { ticket, message } of questions) {
      this.#server.reply(ticket, undefined);
      this.#take(message, 'left');
    }
  }

  #take(message: Buffer, fate: Fate): void {
    const id = idOf(message);
    if (this.#batch?.ids.has(id) !== true || this.#batch.fates.has(id)) {
      throw new Error(`something was said to what nobody asked: ${message.toString('hex')}`);
    }
    this.#batch.fates.set(id, fate);
    this.#batch.seen();
  }
}
