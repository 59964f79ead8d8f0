// Answering questions for names on a thread of the addon, whatever the event loop does: sockets and protocol there, and what the
// thread cannot answer by itself handed over here in batches.
import { NetError } from '../base/errors.ts';
import { encodeReplies, type LeftQuestion, type Reply, readLeftQuestions } from './name-server-batch.ts';
import { type NativeNameServer, native } from './native.ts';
import { closeFd, type ServerSockets } from './sockets.ts';

export type { LeftQuestion } from './name-server-batch.ts';

/** Where questions come in, and so who asks. */
export type ListenerRole =
  /** The resolver of a sandbox, by the sandbox's number in the changes. */
  | {
      readonly sandbox: number;
      /** Names that no network knows are left to the slow path, whatever the view says, and their replies not remembered. */
      readonly unknownIsElsewhere: boolean;
    }
  /** A network's gateway, by the network's number: an asker is who has the address it asks from. */
  | { readonly network: number };

export interface ListenerLimits {
  /** The most a reply has in a datagram. */
  readonly datagramBytes: number;
  /** Of all askers together; one has 64 at most. */
  readonly connectionsMax: number;
  /** For how long a connection is open without a question or a reply; 10 seconds when absent. */
  readonly idleMs?: number;
}

export interface NameServerCounts {
  readonly sandboxes: readonly {
    readonly sandbox: number;
    readonly questions: number;
    /** With records of the sandbox's networks. */
    readonly answered: number;
    readonly noData: number;
    readonly noName: number;
    /** With what an upstream said before. */
    readonly remembered: number;
    readonly left: number;
  }[];
  readonly networks: readonly { readonly network: number; readonly answered: number }[];
  readonly malformed: number;
  /** Questions that were answered with SERVFAIL because too many were waiting for the slow path. */
  readonly overflowed: number;
  /** Connections open now. */
  readonly connections: number;
}

export interface NameServer {
  /**
   * Takes changes of names and views (src/dns/names/table-changes.ts): no question that arrives after this returns is answered without
   * them. Never waits for answers under way. Errors: `internal` when earlier ones were malformed, which is seen when they are
   * carried out; those given now are taken all the same.
   */
  apply(changes: Uint8Array): void;
  /** Takes both sockets, also when it fails. Returns the listener's number. Errors: those of epoll_ctl(2), with `code`. */
  listen(sockets: ServerSockets, role: ListenerRole, limits: ListenerLimits): number;
  /**
   * When it returns, replies given before are sent, its sockets and connections are closed, and questions left are answered in
   * vain. Unknown is fine.
   */
  close(listener: number): void;
  /**
   * Answers a question that was left; nothing is said when there is no reply.
   * @param rememberMs for how long the thread may give the same reply to the same question by itself; 0 for not at all.
   */
  reply(ticket: number, message: Uint8Array | undefined, rememberMs?: number): void;
  counts(): NameServerCounts;
  /** Closes all; may be repeated. */
  stop(): void;
}

/** Each has a thread of its own, from its first listener on. It does not keep the process alive. */
export function startNameServer(onLeft: (questions: readonly LeftQuestion[]) => void): NameServer {
  return new Server(onLeft);
}

const idleMs = 10_000;
/** What fits into a UDP datagram of a resolver: see RFC 1035 section 4.2.1 for the least. */
const datagramBytesRange = [512, 65_507] as const;
const numberRange = [1, 0xffff_ffff] as const;
const limitRange = [1, 0x7fff_ffff] as const;

class Server implements NameServer {
  readonly #native: NativeNameServer;
  readonly #onLeft: (questions: readonly LeftQuestion[]) => void;
  readonly #listeners = new Set<number>();
  #replies: Reply[] = [];
  #isCollecting = false;
  #hasStopped = false;

  constructor(onLeft: (questions: readonly LeftQuestion[]) => void) {
    this.#onLeft = onLeft;
    this.#native = native.startNameServer(() => this.#takeLeft());
  }

  apply(changes: Uint8Array): void {
    if (this.#native.apply(changes)) return;
    throw new NetError('internal', 'changes of names told to the name server before were malformed');
  }

  listen(sockets: ServerSockets, role: ListenerRole, limits: ListenerLimits): number {
    try {
      this.#checkListener(role, limits);
    } catch (error) {
      closeFd(sockets.udp);
      closeFd(sockets.tcp);
      throw error;
    }
    const [sandbox, network] = 'sandbox' in role ? [role.sandbox, 0] : [0, role.network];
    const listener = this.#native.listen(
      sockets.udp,
      sockets.tcp,
      sandbox,
      network,
      'sandbox' in role && role.unknownIsElsewhere,
      limits.datagramBytes,
      limits.connectionsMax,
      limits.idleMs ?? idleMs,
    );
    this.#listeners.add(listener);
    return listener;
  }

  close(listener: number): void {
    if (!this.#listeners.delete(listener)) return;
    this.#sendReplies();
    this.#native.close(listener);
  }

  reply(ticket: number, message: Uint8Array | undefined, rememberMs = 0): void {
    if (this.#replies.push({ ticket, message, rememberMs }) > 1 || this.#isCollecting) return;
    setImmediate(() => this.#sendReplies());
  }

  counts(): NameServerCounts {
    const { sandboxes, networks, ...rest } = this.#native.counts();
    return {
      ...rest,
      sandboxes: rows(sandboxes, 7).map(
        ([sandbox = 0, questions = 0, answered = 0, noData = 0, noName = 0, remembered = 0, left = 0]) => ({
          sandbox,
          questions,
          answered,
          noData,
          noName,
          remembered,
          left,
        }),
      ),
      networks: rows(networks, 2).map(([network = 0, answered = 0]) => ({ network, answered })),
    };
  }

  stop(): void {
    this.#hasStopped = true;
    this.#listeners.clear();
    this.#native.stop();
  }

  /** Those that are answered meanwhile are answered together. */
  #takeLeft(): void {
    const questions = readLeftQuestions(this.#native.takeLeft());
    this.#isCollecting = true;
    try {
      this.#onLeft(questions.filter(({ listener }) => this.#listeners.has(listener)));
    } finally {
      this.#isCollecting = false;
      this.#sendReplies();
    }
  }

  #sendReplies(): void {
    const replies = this.#replies;
    this.#replies = [];
    if (replies.length > 0 && !this.#hasStopped) this.#native.reply(encodeReplies(replies));
  }

  #checkListener(role: ListenerRole, limits: ListenerLimits): void {
    if (this.#hasStopped) throw new NetError('internal', 'the name server has stopped');
    if ('sandbox' in role) check('the number of a sandbox', role.sandbox, numberRange);
    else check('the number of a network', role.network, numberRange);
    check('datagramBytes of a listener', limits.datagramBytes, datagramBytesRange);
    check('connectionsMax of a listener', limits.connectionsMax, limitRange);
    check('idleMs of a listener', limits.idleMs ?? idleMs, limitRange);
  }
}

function check(name: string, value: number, [least, most]: readonly [number, number]): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new NetError('internal', `${name} cannot be ${value}`);
}

function rows(figures: Float64Array, width: number): readonly Float64Array[] {
  return Array.from({ length: figures.length / width }, (_, index) =>
    figures.subarray(index * width, (index + 1) * width),
  );
}
