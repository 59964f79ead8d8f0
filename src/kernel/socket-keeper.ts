// Sockets that outlive this process: a process of its own keeps them until the next daemon takes them, or none has come for a
// minute. What is sent to them meanwhile waits in the kernel.
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { toNetError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { type KeeperAnswer, native } from './native.ts';
import { sendSignal, startTime, watchProcess } from './process.ts';
import { closeFd } from './sockets.ts';

export interface SocketKeeperOptions {
  /** Of the unix socket the next daemon finds the keeper by. */
  readonly path: string;
  readonly log: Log;
  /** For how long it waits for a daemon. */
  readonly waitMs?: number;
  /** An answer that takes longer does not come: the process hangs, and another takes its place. */
  readonly answerMs?: number;
  readonly executable?: string;
}

/** Opens nothing by itself: the process is started with the first sockets that are to be kept. */
export interface SocketKeeper {
  /** What a daemon before this one had kept under a key, which stays kept; from now on the caller's. */
  take(key: string): readonly number[] | undefined;
  /** Keeps duplicates, in place of what was kept under that key. They are not to be closed before `drop`. */
  keep(key: string, fds: readonly number[]): void;
  /** Resolves when nothing is kept under the key any more, or when the keeper does not answer. Absent is fine. */
  drop(key: string): Promise<void>;
  /** Resolves when nothing that was dropped under the key is held by a keeper that answers at all, however late. */
  dropped(key: string): Promise<void>;
  /** Closes what nobody took. */
  dropUntaken(): Promise<void>;
  /** All that is kept stays so, whatever is dropped from then on. May be repeated. */
  leave(): Promise<void>;
}

/** Takes over what a keeper has that is there. Never throws: without one, sockets end with this process. */
export async function openSocketKeeper(options: SocketKeeperOptions): Promise<SocketKeeper> {
  const keeper = new ProcessKeeper(options);
  await keeper.takeOver();
  return keeper;
}

/** The same relative path from src/kernel and from dist/kernel. */
const builtExecutable = fileURLToPath(new URL('../../bin/fairlead-keeper', import.meta.url));
const defaultWaitMs = 60_000;
/** For how long anybody waits for it. */
const patienceMs = 100;
const defaultAnswerMs = 5_000;
/** Keepers that die or hang are replaced so often; more of that has a reason that stays. */
const startsMax = 5;

interface Connection {
  readonly fd: number;
  /** Ends that process, whatever it does; resolves when it has let go of all. Absent when it is not known. */
  readonly kill?: () => Promise<void>;
  readonly stopWatching?: () => void;
}

class ProcessKeeper implements SocketKeeper {
  readonly #path: string;
  readonly #log: Log;
  readonly #waitMs: number;
  readonly #answerMs: number;
  readonly #executable: string;
  readonly #kept = new Map<string, readonly number[]>();
  readonly #untaken = new Map<string, readonly number[]>();
  readonly #dropping = new Map<string, Promise<void>>();
  #connection: Connection | undefined;
  #starts = 0;
  #isGivenUp = false;
  #hasLeft = false;
  /** One exchange at a time, in the order they were asked for. */
  #last: Promise<void> = Promise.resolve();

  constructor(options: SocketKeeperOptions) {
    this.#path = options.path;
    this.#log = options.log;
    this.#waitMs = options.waitMs ?? defaultWaitMs;
    this.#answerMs = options.answerMs ?? defaultAnswerMs;
    this.#executable = options.executable ?? builtExecutable;
  }

  async takeOver(): Promise<void> {
    const found = await native.connectKeeper(this.#path).catch(() => undefined);
    if (found === undefined) return;
    try {
      for (const { key, fds } of await this.#adopt(found.fd, found.pid)) this.#untaken.set(key, fds);
    } catch (error) {
      await this.#disconnect(error);
      this.#log.warn({ reason: toNetError(error).message }, 'what was kept for this daemon is lost');
    }
  }

  take(key: string): readonly number[] | undefined {
    const fds = this.#untaken.get(key);
    if (fds === undefined) return undefined;
    this.#untaken.delete(key);
    this.#kept.set(key, fds);
    // One that took the place of another was given what was taken until then.
    if (this.#starts > 0 || this.#connection === undefined) this.keep(key, fds);
    return fds;
  }

  keep(key: string, fds: readonly number[]): void {
    this.#closeUntaken(key);
    this.#kept.set(key, fds);
    this.#enqueue(async () => {
      // Since dropped, and perhaps closed: the numbers may mean something else now.
      if (this.#kept.get(key) !== fds) return;
      if (this.#connection === undefined) await this.#start();
      else await this.#ask(this.#connection.fd, 'K', key, fds);
    });
  }

  async drop(key: string): Promise<void> {
    if (this.#hasLeft) return;
    this.#closeUntaken(key);
    this.#kept.delete(key);
    const dropped = this.#enqueue(async () => {
      if (this.#connection !== undefined) await this.#ask(this.#connection.fd, 'D', key);
    });
    this.#dropping.set(key, dropped);
    void dropped.then(() => {
      if (this.#dropping.get(key) === dropped) this.#dropping.delete(key);
    });
    await Promise.race([dropped, delay(patienceMs, undefined, { ref: false })]);
  }

  async dropped(key: string): Promise<void> {
    await this.#dropping.get(key);
  }

  async dropUntaken(): Promise<void> {
    await Promise.all([...this.#untaken.keys()].map((key) => this.drop(key)));
  }

  async leave(): Promise<void> {
    const left = this.#enqueue(async () => {
      await this.#disconnect();
      this.#isGivenUp = true;
    });
    this.#hasLeft = true;
    await Promise.race([left, delay(patienceMs, undefined, { ref: false })]);
  }

  /** Runs when all before it is done; never rejects. */
  #enqueue(work: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(async () => {
      if (this.#isGivenUp) return;
      try {
        await work();
      } catch (error) {
        await this.#recover(error);
      }
    });
    return this.#last;
  }

  /** A new one gets all that is to be kept now. */
  async #start(): Promise<void> {
    this.#starts++;
    const fd = await native.startKeeper(this.#executable, this.#path, this.#waitMs);
    await this.#adopt(fd);
    for (const [key, fds] of [...this.#kept]) {
      if (this.#kept.get(key) === fds) await this.#ask(fd, 'K', key, fds);
    }
  }

  /** Takes the connection, also when it throws; returns what is kept there. */
  async #adopt(fd: number, pid?: number): Promise<readonly KeeperAnswer[]> {
    this.#connection = { fd, ...(pid !== undefined && killing(pid)) };
    const answers = await this.#ask(fd, 'L');
    const own = Number(answers.at(-1)?.key);
    const start = startTime(own);
    const stopWatching = start === undefined ? () => {} : watchProcess(own, start, () => this.#replace(fd));
    this.#connection = { fd, ...killing(own), stopWatching };
    return answers.slice(0, -1);
  }

  async #ask(
    fd: number,
    kind: string,
    key = '',
    fds: readonly number[] = [],
  ): Promise<readonly KeeperAnswer[]> {
    const answers = await native.askKeeper(fd, kind, key, Int32Array.from(fds), this.#answerMs);
    if (answers.at(-1)?.kind !== 'A') throw new Error(`the keeper refused ${kind} ${key}`);
    return answers;
  }

  /** That keeper has died. */
  #replace(fd: number): void {
    void this.#enqueue(async () => {
      if (this.#connection?.fd === fd) throw new Error('it ended');
    });
  }

  async #recover(failure: unknown): Promise<void> {
    await this.#disconnect(failure);
    let reason = failure;
    while (this.#starts < startsMax) {
      if (this.#kept.size === 0) return;
      try {
        return await this.#start();
      } catch (error) {
        reason = error;
        await this.#disconnect(error);
      }
    }
    this.#isGivenUp = true;
    const text = 'resolvers end with this daemon: what keeps their sockets does not work';
    this.#log.warn({ reason: toNetError(reason).message }, text);
  }

  /** One that hangs is ended: what it holds could be opened by nobody else. */
  async #disconnect(failure?: unknown): Promise<void> {
    if (this.#connection === undefined) return;
    const { fd, kill, stopWatching } = this.#connection;
    this.#connection = undefined;
    stopWatching?.();
    closeFd(fd);
    if ((failure as NodeJS.ErrnoException | undefined)?.code === 'ETIMEDOUT') await kill?.();
  }

  #closeUntaken(key: string): void {
    for (const fd of this.#untaken.get(key) ?? []) closeFd(fd);
    this.#untaken.delete(key);
  }
}

function killing(pid: number): Pick<Connection, 'kill'> {
  const start = startTime(pid);
  if (start === undefined) return {};
  const kill = () =>
    new Promise<void>((ended) => {
      watchProcess(pid, start, ended);
      sendSignal(pid, start, 'KILL');
    });
  return { kill };
}
