// Bringing what netd holds for Docker together with what Docker says there is: names, and what is to be given back.
import { NetError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { EngineController, EngineHoldings } from '../core/engine-requests.ts';
import { shortId } from '../model/ids.ts';
import type { ContainerNames } from './container-names.ts';
import type { DockerContainer, DockerNetwork } from './docker-answers.ts';
import type { DockerApi } from './docker-api.ts';
import { type DockerView, isNothing, Misses, unknownTo, withKeys } from './forgotten.ts';
import { giveBack } from './give-back.ts';
import { Slots } from './slots.ts';

/** What Docker does not know for this long has been forgotten; what it is about to make may be unknown for a moment. */
export const forgottenAfterMs = 30_000;

const inspectedAtOnce = 8;

export interface ComparisonParts {
  readonly api: DockerApi;
  readonly engines: EngineController;
  readonly names: ContainerNames;
  readonly log: Log;
}

export class Comparison {
  readonly #parts: ComparisonParts;
  readonly #misses = new Misses();

  constructor(parts: ComparisonParts) {
    this.#parts = parts;
  }

  /**
   * How it ended: `doubtful`, when something was unknown to Docker and is looked for once more later; `incomplete`, when
   * something could not be named. Errors: `unavailable`; then nothing is given back.
   */
  async run(): Promise<'complete' | 'doubtful' | 'incomplete'> {
    const { api, engines, log } = this.#parts;
    // Before Docker is asked: what comes to be while it answers is not looked for.
    const holdings = engines.holdings();
    if (isNothing(holdings)) return 'complete';
    const [networks, containers] = await Promise.all([api.networks(), api.containers()]);
    const named = await this.#name(holdings, { networks, containers });
    const unknown = unknownTo({ networks, containers }, holdings);
    const surely = isNothing(unknown)
      ? unknown
      : unknownTo({ networks, containers: await this.#inspectAll() }, unknown);
    const forgotten = this.#misses.note(surely, forgottenAfterMs);
    if (forgotten.size > 0) await giveBack(engines, withKeys(engines.holdings(), forgotten), log);
    if (!named) return 'incomplete';
    return isNothing(surely) ? 'complete' : 'doubtful';
  }

  /** False if something could not be named. */
  async #name(holdings: EngineHoldings, { networks, containers }: DockerView): Promise<boolean> {
    const { names } = this.#parts;
    const held = new Set<string>([...holdings.networks, ...holdings.endpoints].map(({ id }) => id));
    const networksHeld = networks.filter(({ id }) => held.has(id));
    const containersHeld = containers.filter(({ endpoints }) => endpoints.some(({ id }) => held.has(id)));
    const told = await Promise.all([
      ...networksHeld.map((network) => this.nameNetwork(network)),
      ...containersHeld.map(({ id }) => names.tell(id)),
    ]);
    return told.every((ok) => ok);
  }

  /** False if that failed, which is logged. */
  async nameNetwork({ id, name }: Pick<DockerNetwork, 'id' | 'name'>): Promise<boolean> {
    try {
      await this.#parts.engines.nameNetwork(id, name);
      return true;
    } catch (error) {
      this.#parts.log.warn({ network: shortId(id), name, reason: String(error) }, 'cannot name a network');
      return false;
    }
  }

  /**
   * Every container as it is when Docker has done with it: the list shows an endpoint only when the container that is being
   * started for it runs. Errors: `unavailable`, also for a container Docker is still at work with.
   */
  async #inspectAll(): Promise<readonly DockerContainer[]> {
    const { api } = this.#parts;
    const slots = new Slots(inspectedAtOnce);
    const inspect = async (id: string): Promise<readonly DockerContainer[]> => {
      try {
        return [await api.container(id)];
      } catch (error) {
        if (error instanceof NetError && error.code === 'not_found') return [];
        throw error;
      }
    };
    const containers = await api.containers();
    return (await Promise.all(containers.map(({ id }) => slots.run(() => inspect(id))))).flat();
  }
}
