// The way from a simulated machine to the simulated store: slow at times, cut at others, and not always saying what came of a call.
import { NetError } from '../../src/base/errors.ts';
import type {
  Condition,
  Revision,
  SharedStore,
  StoreEvent,
  WatchListener,
  Write,
} from '../../src/cluster/shared-store.ts';
import { SimulatedClock, SimulatedMachine } from './simulated-clock.ts';
import { SimulatedServer, type Watcher } from './simulated-server.ts';
import { SimulatedTime } from './simulated-time.ts';

/** Ranges are of milliseconds. */
export interface LinkHabits {
  readonly requestMs: readonly [number, number];
  readonly replyMs: readonly [number, number];
  readonly eventMs: readonly [number, number];
  /** How long a call is waited for, by the machine's own clock. */
  readonly timeoutMs: number;
  /** How long a watch is silent before it is given up. */
  readonly silenceMs: readonly [number, number];
  /** The chance that a message takes as long as `lateMs` instead. */
  readonly late: number;
  readonly lateMs: readonly [number, number];
  /** The chance that a request is lost, and that a reply is. */
  readonly loss: number;
}

const goodHabits: LinkHabits = {
  requestMs: [0.2, 2],
  replyMs: [0.2, 2],
  eventMs: [0.2, 4],
  timeoutMs: 3_000,
  silenceMs: [4_000, 10_000],
  late: 0,
  lateMs: [0, 0],
  loss: 0,
};

/** `both`: nothing arrives. `replies`: what is asked is done, and nobody hears of it. */
export type Cut = 'both' | 'replies';

/** What lies between one machine and the store; programs on it have a store each. */
export class SimulatedLink {
  readonly server: SimulatedServer;
  habits: LinkHabits;
  #cut: Cut | undefined;
  /** Counts cuts. */
  #cuts = 0;
  readonly #watches = new Set<SimulatedWatch>();

  constructor(server: SimulatedServer, habits: Partial<LinkHabits> = {}) {
    this.server = server;
    this.habits = { ...goodHabits, ...habits };
  }

  get isCut(): boolean {
    return this.#cut !== undefined;
  }

  /** Whether what a machine sends does not arrive. */
  get isDeaf(): boolean {
    return this.#cut === 'both' || this.server.isDown;
  }

  get cuts(): number {
    return this.#cuts;
  }

  cut(cut: Cut = 'both'): void {
    this.#cut = cut;
    this.#cuts += 1;
    for (const watch of this.#watches) watch.mayEnd();
  }

  heal(): void {
    this.#cut = undefined;
    for (const watch of this.#watches) watch.goOn();
  }

  delayMs(usual: readonly [number, number]): number {
    const { time } = this.server;
    return time.between(time.chance(this.habits.late) ? this.habits.lateMs : usual);
  }

  add(watch: SimulatedWatch): void {
    this.#watches.add(watch);
  }

  remove(watch: SimulatedWatch): void {
    this.#watches.delete(watch);
  }
}

/** Of one program. */
export class SimulatedStore implements SharedStore {
  readonly endpoints = ['simulated:2379'];
  readonly #link: SimulatedLink;
  readonly #clock: SimulatedClock;
  readonly #watches = new Set<SimulatedWatch>();
  #isClosed = false;

  constructor(link: SimulatedLink, clock: SimulatedClock) {
    this.#link = link;
    this.#clock = clock;
  }

  read(prefix: string) {
    return this.#call(() => this.#link.server.read(prefix));
  }

  get(key: string) {
    return this.#call(() => this.#link.server.get(key));
  }

  write(conditions: readonly Condition[], writes: readonly Write[]) {
    return this.#call(() => this.#link.server.write(conditions, writes));
  }

  watch(prefix: string, from: Revision, listener: WatchListener): () => void {
    const watch = new SimulatedWatch(this.#link, this.#clock, listener);
    this.#watches.add(watch);
    if (this.#isClosed) watch.giveUp('the store is closed');
    else watch.open(prefix, from);
    return () => {
      this.#watches.delete(watch);
      watch.close();
    };
  }

  grantLease(ttlSeconds: number) {
    return this.#call(() => this.#link.server.grantLease(ttlSeconds));
  }

  renewLease(id: string) {
    return this.#call(() => this.#link.server.renewLease(id));
  }

  revokeLease(id: string) {
    return this.#call(() => this.#link.server.revokeLease(id));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const watch of this.#watches) watch.close();
  }

  #call<T>(work: () => T): Promise<T> {
    const link = this.#link;
    const { server, habits } = link;
    const { time, era } = server;
    if (this.#isClosed) return Promise.reject(new NetError('unavailable', 'the store is closed'));
    return new Promise((resolve, reject) => {
      const fail = (reason: string) => () => reject(new NetError('unavailable', `store: ${reason}`));
      const isRefused = link.isDeaf && time.chance(0.3);
      const giveUp = this.#clock.after(isRefused ? 1 : habits.timeoutMs, fail('no answer'));
      time.after(link.delayMs(habits.requestMs), () => {
        if (isRefused || link.isDeaf || era !== server.era || time.chance(habits.loss)) return;
        const settle = outcome(work, resolve, reject);
        const { cuts } = link;
        this.#clock.afterInWorld(link.delayMs(habits.replyMs), () => {
          const isLost = link.isCut || cuts !== link.cuts || era !== server.era || time.chance(habits.loss);
          if (isLost) return;
          giveUp();
          settle();
        });
      });
    });
  }
}

/** A server with one machine whose clock is right, for tests of what needs no more. */
export function simulateStore(seed = 1) {
  const time = new SimulatedTime(seed);
  const server = new SimulatedServer(time);
  return { time, server, ...connect(server) };
}

/** One more machine. */
export function connect(server: SimulatedServer, habits: Partial<LinkHabits> = {}) {
  const machine = new SimulatedMachine(server.time);
  const link = new SimulatedLink(server, habits);
  const clock = new SimulatedClock(machine);
  return { machine, link, clock, store: new SimulatedStore(link, clock) };
}

class SimulatedWatch implements Watcher {
  prefix = '';
  next: Revision = 0;
  readonly #link: SimulatedLink;
  readonly #clock: SimulatedClock;
  readonly #listener: WatchListener;
  /** What is on its way, in order. */
  readonly #messages: (() => void)[] = [];
  #lastAtMs = 0;
  /** How many messages could not get through. */
  #held = 0;
  #isOver = false;

  constructor(link: SimulatedLink, clock: SimulatedClock, listener: WatchListener) {
    this.#link = link;
    this.#clock = clock;
    this.#listener = listener;
  }

  open(prefix: string, from: Revision): void {
    const { server, habits } = this.#link;
    const { era } = server;
    this.prefix = prefix;
    this.next = from;
    this.#link.add(this);
    const cancel = this.#clock.after(habits.timeoutMs, () => this.giveUp('no answer'));
    server.time.after(this.#link.delayMs(habits.requestMs), () => {
      if (this.#isOver || this.#link.isDeaf || era !== server.era) return;
      this.#send(() => {
        cancel();
        this.#listener.onStart();
      });
      if (!server.addWatcher(this)) {
        this.#send(() => this.#end('compacted', `revision ${from} is compacted`));
      }
    });
    if (this.#link.isCut) this.mayEnd();
  }

  events(events: readonly StoreEvent[], revision: Revision): void {
    this.#send(() => this.#listener.onEvents(events, revision));
  }

  progress(revision: Revision): void {
    this.#send(() => this.#listener.onProgress(revision));
  }

  /** The server is gone, and with it what it had not sent. */
  lost(): void {
    const { time } = this.#link.server;
    this.#clock.afterInWorld(time.between([0, 3_000]), () => this.giveUp('the server is gone'));
  }

  /** The link is cut: it ends, unless that was short. */
  mayEnd(): void {
    const { cuts, habits, server } = this.#link;
    this.#clock.after(server.time.between(habits.silenceMs), () => {
      if (this.#link.isCut && cuts === this.#link.cuts) this.giveUp('nothing was heard');
    });
  }

  goOn(): void {
    const held = this.#held;
    this.#held = 0;
    for (let count = 0; count < held; count++) this.#deliverLater();
  }

  giveUp(reason: string): void {
    this.#end('interrupted', `store: ${reason}`);
  }

  close(): void {
    this.#isOver = true;
    this.#link.remove(this);
    this.#link.server.removeWatcher(this);
  }

  #end(reason: 'compacted' | 'interrupted', message: string): void {
    if (this.#isOver) return;
    this.close();
    this.#listener.onEnd(reason, message);
  }

  #send(message: () => void): void {
    this.#messages.push(message);
    this.#deliverLater();
  }

  /** The messages of a watch never overtake each other. */
  #deliverLater(): void {
    const { time } = this.#link.server;
    this.#lastAtMs = Math.max(this.#lastAtMs, time.nowMs + this.#link.delayMs(this.#link.habits.eventMs));
    this.#clock.afterInWorld(this.#lastAtMs - time.nowMs, () => {
      if (this.#isOver) return;
      if (this.#link.isCut) this.#held += 1;
      else this.#messages.shift()?.();
    });
  }
}

/** What a call came to, told when the answer arrives. */
function outcome<T>(work: () => T, resolve: (value: T) => void, reject: (error: unknown) => void) {
  try {
    const value = work();
    return () => resolve(value);
  } catch (error) {
    return () => reject(error);
  }
}
