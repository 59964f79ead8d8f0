// Following Docker for as long as the daemon runs: what its plugin protocol leaves out is learned from its API, beside the
// requests and never within one, since Docker may be waiting for our answer when we ask.
import type { Log } from '../base/log.ts';
import type { EngineController } from '../core/engine-requests.ts';
import { Comparison, forgottenAfterMs } from './comparison.ts';
import { ContainerNames } from './container-names.ts';
import type { DockerEvent } from './docker-answers.ts';
import { DockerApi } from './docker-api.ts';
import { isNothing } from './forgotten.ts';

/** Between comparisons, should an event have been missed. */
const compareEveryMs = 60_000;
/** After one that was not complete. */
const compareAgainMs = 5_000;
/** After events that could not be read: there may be many. */
const settleMs = 1_000;
const firstWaitMs = 1_000;
const longestWaitMs = 30_000;

export interface DockerFollowing {
  /** There is, or is about to be, something to follow: Docker asks something of us. Costs nothing. */
  wake(): void;
  /** Resolves when nothing is being asked or told any more. */
  close(): Promise<void>;
}

export interface FollowDockerOptions {
  /** Path of Docker's socket. */
  readonly socket: string;
  readonly engines: EngineController;
  readonly log: Log;
}

/** Begins at once when Docker holds something of ours, else when woken. */
export function followDocker(options: FollowDockerOptions): DockerFollowing {
  const follower = new Follower(options);
  if (!isNothing(options.engines.holdings())) follower.wake();
  return follower;
}

class Follower implements DockerFollowing {
  readonly #api: DockerApi;
  readonly #engines: EngineController;
  readonly #log: Log;
  readonly #names: ContainerNames;
  readonly #comparison: Comparison;
  readonly #working = new Set<Promise<void>>();
  #following: Promise<void> | undefined;
  #isConnected = false;
  #isLost = false;
  #isClosed = false;
  #waitMs = firstWaitMs;
  #endWait = () => {};
  #shortenWait = () => {};
  #next: { readonly timer: NodeJS.Timeout; readonly atMs: number } | undefined;
  #comparing = false;

  constructor({ socket, engines, log }: FollowDockerOptions) {
    this.#api = new DockerApi(socket);
    this.#engines = engines;
    this.#log = log;
    this.#names = new ContainerNames(this.#api, engines, log);
    this.#comparison = new Comparison({ api: this.#api, engines, names: this.#names, log });
  }

  wake(): void {
    if (this.#isClosed) return;
    this.#following ??= this.#follow();
    this.#shortenWait();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#endWait();
    this.#api.close();
    await this.#following;
    await Promise.all(this.#working);
  }

  async #follow(): Promise<void> {
    while (!this.#isClosed) {
      try {
        await this.#listen();
        this.#lost('its events have ended');
      } catch (error) {
        this.#lost(String(error));
      }
      if (!this.#isClosed) await this.#wait();
    }
  }

  /** Listens before it compares, so that nothing happens between the two. */
  async #listen(): Promise<void> {
    const events = await this.#api.events();
    this.#isConnected = true;
    this.#compareIn(0);
    try {
      for await (const event of events) this.#handle(event);
    } finally {
      this.#isConnected = false;
      this.#stopTimer();
    }
  }

  #handle(event: DockerEvent | 'unreadable'): void {
    if (event === 'unreadable') {
      this.#compareIn(settleMs);
      return;
    }
    const { type, action, id, attributes } = event;
    if (type === 'container' && action === 'rename') this.#work(() => this.#names.tell(id));
    if (type !== 'network' || !this.#engines.holdings().networks.some((network) => network.id === id)) return;
    if (action === 'create') {
      this.#work(() => this.#comparison.nameNetwork({ id, name: attributes.name }));
    }
    if (action === 'connect' && attributes.container !== '') {
      this.#work(() => this.#names.tell(attributes.container));
    }
  }

  /** What could not be done is left to a comparison soon. */
  #work(work: () => Promise<boolean>): void {
    if (this.#isClosed) return;
    const working = work().then((done) => {
      this.#working.delete(working);
      if (!done) this.#compareIn(compareAgainMs);
    });
    this.#working.add(working);
  }

  /** At the latest: sooner, if that was arranged before. */
  #compareIn(ms: number): void {
    const atMs = performance.now() + ms;
    if (this.#isClosed || !this.#isConnected || (this.#next !== undefined && this.#next.atMs <= atMs)) return;
    this.#stopTimer();
    this.#next = { atMs, timer: setTimeout(() => this.#work(() => this.#compare()), ms).unref() };
  }

  #stopTimer(): void {
    clearTimeout(this.#next?.timer);
    this.#next = undefined;
  }

  async #compare(): Promise<boolean> {
    this.#stopTimer();
    if (this.#comparing) return false;
    this.#comparing = true;
    try {
      const result = await this.#comparison.run();
      this.#found();
      if (result !== 'incomplete') this.#compareIn(result === 'doubtful' ? forgottenAfterMs : compareEveryMs);
      return result !== 'incomplete';
    } catch (error) {
      this.#lost(String(error));
      return false;
    } finally {
      this.#comparing = false;
    }
  }

  #found(): void {
    this.#waitMs = firstWaitMs;
    if (this.#isLost) this.#log.info('Docker answers again');
    this.#isLost = false;
  }

  #lost(reason: string): void {
    if (this.#isClosed || this.#isLost) return;
    this.#isLost = true;
    this.#log.warn({ reason }, 'Docker does not answer as it should; its names are learned when it does');
  }

  /** Docker asks us something, so it is there: being woken makes the wait as short as the first one. */
  #wait(): Promise<void> {
    const waitMs = this.#waitMs;
    const begunMs = performance.now();
    this.#waitMs = Math.min(waitMs * 2, longestWaitMs);
    return new Promise((resolve) => {
      let timer = setTimeout(resolve, waitMs).unref();
      this.#shortenWait = () => {
        clearTimeout(timer);
        timer = setTimeout(resolve, Math.max(0, begunMs + firstWaitMs - performance.now())).unref();
      };
      this.#endWait = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
