// Telling the core what Docker calls a container: each is asked about once at a time, and once more when it has changed since.
import { NetError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { EngineContainer, EngineController } from '../core/engine-requests.ts';
import { shortId } from '../model/ids.ts';
import type { DockerContainer } from './docker-answers.ts';
import type { DockerApi } from './docker-api.ts';
import { Slots } from './slots.ts';

/** Docker lets us wait while it is at work with a container: a few of those must not hold up the others. */
const atOnce = 8;

export class ContainerNames {
  readonly #api: DockerApi;
  readonly #engines: EngineController;
  readonly #log: Log;
  readonly #slots = new Slots(atOnce);
  /** By container: what has not begun, and what goes on. */
  readonly #waiting = new Map<string, Promise<boolean>>();
  readonly #asking = new Map<string, Promise<boolean>>();

  constructor(api: DockerApi, engines: EngineController, log: Log) {
    this.#api = api;
    this.#engines = engines;
    this.#log = log;
  }

  /** Resolves when the core knows what is the case now or later; false if that failed, which is logged. */
  tell(containerId: string): Promise<boolean> {
    const waiting = this.#waiting.get(containerId);
    if (waiting !== undefined) return waiting;
    const told = this.#inTurn(containerId);
    this.#waiting.set(containerId, told);
    return told;
  }

  async #inTurn(containerId: string): Promise<boolean> {
    await this.#asking.get(containerId);
    return this.#slots.run(() => {
      this.#waiting.delete(containerId);
      const asked = this.#tellNow(containerId);
      this.#asking.set(containerId, asked);
      void asked.then(() => this.#asking.delete(containerId));
      return asked;
    });
  }

  async #tellNow(containerId: string): Promise<boolean> {
    try {
      const container = await this.#find(containerId);
      if (container !== undefined) await this.#engines.nameContainer(container);
      return true;
    } catch (error) {
      const what = { container: shortId(containerId), reason: String(error) };
      if (!this.#api.isClosed) this.#log.warn(what, 'cannot name a container');
      return false;
    }
  }

  /** Undefined when it is gone, or has nothing of ours. */
  async #find(containerId: string): Promise<EngineContainer | undefined> {
    try {
      const container = await this.#api.container(containerId);
      const held = new Set<string>(this.#engines.holdings().endpoints.map(({ id }) => id));
      const found = asEngineContainer(container, held);
      return found.endpoints.length === 0 ? undefined : found;
    } catch (error) {
      if (error instanceof NetError && error.code === 'not_found') return undefined;
      throw error;
    }
  }
}

function asEngineContainer(
  { id, name, hostname, endpoints }: DockerContainer,
  held: ReadonlySet<string>,
): EngineContainer {
  const own = [name, shortId(id)];
  return {
    id,
    name,
    hostname,
    endpoints: endpoints
      .filter((endpoint) => held.has(endpoint.id))
      .map(({ id, names }) => ({ id, aliases: names.filter((one) => one !== '' && !own.includes(one)) })),
  };
}
