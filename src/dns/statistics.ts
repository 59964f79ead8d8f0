// How much was asked: what the name server's thread counted, and what became of the questions it left.
import type { NameServerCounts } from '../kernel/name-server.ts';
import type { NetworkId, SandboxId } from '../model/ids.ts';
import type { NameEntry } from '../model/name-entry.ts';
import type { AskerStatistics, NameStatistics, NetworkNameStatistics } from '../model/name-statistics.ts';

/** What became of a question. */
export type Outcome = keyof Omit<AskerStatistics, 'sandboxId' | 'questions'>;

type Outcomes = Record<Outcome, number>;

/** Of questions the thread left; those that were nobody's, or the host's own, count for networks alone. */
export class LeftCounts {
  readonly #isAsker: (sandboxId: SandboxId) => boolean;
  readonly #askers = new Map<SandboxId, Outcomes>();
  readonly #networks = new Map<NetworkId, number>();

  /** @param isAsker whether questions of a sandbox count: one may be gone before what it asked has an answer. */
  constructor(isAsker: (sandboxId: SandboxId) => boolean) {
    this.#isAsker = isAsker;
  }

  get askers(): ReadonlyMap<SandboxId, Readonly<Outcomes>> {
    return this.#askers;
  }

  get networks(): ReadonlyMap<NetworkId, number> {
    return this.#networks;
  }

  /** @param owners whose names were told. */
  count(sandboxId: SandboxId | undefined, outcome: Outcome, owners: readonly NameEntry[] = []): void {
    if (sandboxId !== undefined && this.#isAsker(sandboxId)) {
      const outcomes = this.#askers.get(sandboxId) ?? { ...none };
      outcomes[outcome]++;
      this.#askers.set(sandboxId, outcomes);
    }
    if (outcome !== 'answered') return;
    for (const id of new Set(owners.map(({ networkId }) => networkId))) {
      this.#networks.set(id, (this.#networks.get(id) ?? 0) + 1);
    }
  }

  /** As the thread does when nobody asks in its place any more. */
  forget(sandboxId: SandboxId): void {
    this.#askers.delete(sandboxId);
  }

  /** Forgets networks nobody is on any more. */
  keepNetworks(present: ReadonlySet<NetworkId>): void {
    for (const id of this.#networks.keys()) if (!present.has(id)) this.#networks.delete(id);
  }
}

export interface Counted {
  readonly thread: NameServerCounts;
  readonly left: LeftCounts;
  /** Whose numbers the thread uses. */
  readonly sandboxOf: (number: number) => SandboxId | undefined;
  readonly networkOf: (number: number) => NetworkId | undefined;
  readonly upstreams: NameStatistics['upstreams'];
  readonly cache: NameStatistics['cache'];
}

/** Questions that are left and under way are counted when they have an answer. Forgets what is left of networks that are gone. */
export function statisticsOf(counted: Counted): NameStatistics {
  const { thread, upstreams, cache } = counted;
  const remembered = thread.sandboxes.reduce((sum, sandbox) => sum + sandbox.remembered, 0);
  const { malformed, overflowed, connections } = thread;
  return {
    askers: askersOf(counted),
    networks: networksOf(counted),
    upstreams,
    cache: { ...cache, hits: cache.hits + remembered },
    malformed,
    overflowed,
    connections,
  };
}

const none: Outcomes = {
  answered: 0,
  noData: 0,
  noName: 0,
  cached: 0,
  forwarded: 0,
  failed: 0,
  refused: 0,
};

function askersOf({ thread, left, sandboxOf }: Counted): readonly AskerStatistics[] {
  const outcomes = new Map<SandboxId, Readonly<Outcomes>>(left.askers);
  for (const one of thread.sandboxes) {
    const id = sandboxOf(one.sandbox);
    if (id === undefined) continue;
    const { answered, noData, noName, remembered: cached } = one;
    // What the thread neither answers nor leaves it refuses.
    const refused = one.questions - answered - noData - noName - cached - one.left;
    outcomes.set(
      id,
      sum(outcomes.get(id) ?? none, {
        ...none,
        answered,
        noData,
        noName,
        cached,
        refused: Math.max(refused, 0),
      }),
    );
  }
  return [...outcomes].map(([sandboxId, counts]) => {
    const questions = Object.values(counts).reduce((total, count) => total + count, 0);
    return { sandboxId, questions, ...counts };
  });
}

function networksOf({ thread, left, networkOf }: Counted): readonly NetworkNameStatistics[] {
  const present = thread.networks.flatMap(({ network, answered }) => {
    const networkId = networkOf(network);
    return networkId === undefined ? [] : [{ networkId, answered }];
  });
  left.keepNetworks(new Set(present.map(({ networkId }) => networkId)));
  return present.map(({ networkId, answered }) => {
    return { networkId, answered: answered + (left.networks.get(networkId) ?? 0) };
  });
}

function sum(one: Readonly<Outcomes>, other: Readonly<Outcomes>): Outcomes {
  const total = { ...one };
  for (const outcome of Object.keys(none) as Outcome[]) total[outcome] += other[outcome];
  return total;
}
