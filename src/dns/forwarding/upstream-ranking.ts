// Which of several upstreams is asked first: by how fast they were and whether they failed lately; and the account of it.
import type { SandboxId } from '../../model/ids.ts';
import type { UpstreamStatistics } from '../../model/name-statistics.ts';
import { type Upstream, upstreamKey } from './exchange.ts';

/** An upstream begins to fail, or works again. */
export interface UpstreamChange {
  readonly address: string;
  /** The sandbox whose namespace it is asked from; absent for the host's. */
  readonly sandboxId?: SandboxId;
  readonly isFailing: boolean;
  readonly reason?: string;
}

export interface AskingOrder {
  readonly upstreams: readonly Upstream[];
  /** How many of them to begin with. */
  readonly atOnce: number;
}

interface Standing {
  readonly upstream: Upstream;
  asked: number;
  replied: number;
  failed: number;
  rttMs: number | undefined;
  failuresInRow: number;
  /** What speaks against it since its last reply. */
  readonly evidence: Set<string>;
  isFailing: boolean;
  /** It asks us: not to be asked before `trialAtMs`. */
  isLooping: boolean;
  /** From then on it goes along with a question that another is asked first, to see how it is. */
  trialAtMs: number;
}

const evidenceToTell = 3;
const measureEveryMs = 60_000;
const backOffMinMs = 1_000;
const backOffMaxMs = 30_000;
/** One trial at a time: as long as a question takes at most. */
const trialMs = 4_000;
/** Upstreams about as fast as each other, by a factor of two, keep the order they are given in; below this all are. */
const fastMs = 8;
/** Of those, the ones asked least recently are forgotten first. */
const standingsMax = 10_000;

export class UpstreamRanking {
  readonly #now: () => number;
  readonly #onChange: (change: UpstreamChange) => void;
  /** In order of use, the latest last. */
  readonly #standings = new Map<string, Standing>();

  /** @param now milliseconds that never go back. */
  constructor(onChange: (change: UpstreamChange) => void, now: () => number) {
    this.#onChange = onChange;
    this.#now = now;
  }

  /**
   * The fast before the slow, and those that failed last; none that asks us. One that was not measured for long, or failed and had
   * time to recover, is asked together with the first: an asker never waits for a trial.
   */
  order(upstreams: readonly Upstream[]): AskingOrder {
    const now = this.#now();
    const ranked = upstreams
      .map((upstream) => this.#of(upstream))
      .filter((one) => !one.isLooping || now >= one.trialAtMs)
      .map((one, place) => ({ one, place }))
      .sort((a, b) => rank(a.one) - rank(b.one) || a.place - b.place)
      .map(({ one }) => one);
    const [first, ...others] = ranked;
    const onTrial = others.find((one) => now >= one.trialAtMs);
    if (first === undefined || onTrial === undefined) return { upstreams: ranked.map(asUpstream), atOnce: 1 };
    onTrial.trialAtMs = now + trialMs;
    const rest = others.filter((one) => one !== onTrial);
    return { upstreams: [first, onTrial, ...rest].map(asUpstream), atOnce: 2 };
  }

  asked(upstream: Upstream): void {
    this.#of(upstream).asked++;
  }

  replied(upstream: Upstream, tookMs: number): void {
    const one = this.#of(upstream);
    one.replied++;
    one.failuresInRow = 0;
    one.evidence.clear();
    one.isLooping = false;
    this.#measure(one, tookMs);
    if (!one.isFailing) return;
    one.isFailing = false;
    this.#onChange({ ...identity(upstream), isFailing: false });
  }

  /** Another replied first, and its reply was no longer waited for: it takes at least that long. */
  overtaken(upstream: Upstream, afterMs: number): void {
    const one = this.#of(upstream);
    this.#measure(one, Math.max(afterMs, one.rttMs ?? 0));
  }

  /** @param about the name, where the upstream said that it has no answer: that may be the name's fault, however often it is asked for. */
  failed(upstream: Upstream, reason: string, about?: string): void {
    const one = this.#of(upstream);
    one.failed++;
    one.failuresInRow++;
    one.trialAtMs = this.#now() + Math.min(backOffMinMs * 2 ** (one.failuresInRow - 1), backOffMaxMs);
    if (one.evidence.size < evidenceToTell) one.evidence.add(about ?? `#${one.failuresInRow}`);
    if (one.evidence.size >= evidenceToTell) this.#tellFailing(one, reason);
  }

  /** It was found to ask us what we ask it. */
  loops(upstream: Upstream, reason: string): void {
    const one = this.#of(upstream);
    one.isLooping = true;
    one.failuresInRow++;
    one.trialAtMs = this.#now() + measureEveryMs;
    this.#tellFailing(one, reason);
  }

  /** Forgets those asked from a sandbox's namespace. */
  forget(askedFrom: string): void {
    for (const [key, { upstream }] of this.#standings) {
      if (upstream.askedFrom === askedFrom) this.#standings.delete(key);
    }
  }

  statistics(): readonly UpstreamStatistics[] {
    return [...this.#standings.values()].map((one) => ({
      ...identity(one.upstream),
      asked: one.asked,
      replied: one.replied,
      failed: one.failed,
      ...(one.rttMs !== undefined && { rttMs: one.rttMs }),
      isFailing: one.isFailing,
    }));
  }

  /** Smoothed as TCP does (RFC 6298 section 2). */
  #measure(one: Standing, tookMs: number): void {
    one.rttMs = one.rttMs === undefined ? tookMs : one.rttMs + (tookMs - one.rttMs) / 8;
    if (one.failuresInRow === 0) one.trialAtMs = this.#now() + measureEveryMs;
  }

  #tellFailing(one: Standing, reason: string): void {
    if (one.isFailing) return;
    one.isFailing = true;
    this.#onChange({ ...identity(one.upstream), isFailing: true, reason });
  }

  #of(upstream: Upstream): Standing {
    const key = upstreamKey(upstream);
    const known = this.#standings.get(key);
    const standing = known ?? unknown(upstream, this.#now() + measureEveryMs);
    if (known !== undefined) this.#standings.delete(key);
    this.#standings.set(key, standing);
    const [oldest] = this.#standings.keys();
    if (this.#standings.size > standingsMax && oldest !== undefined) this.#standings.delete(oldest);
    return standing;
  }
}

function unknown(upstream: Upstream, trialAtMs: number): Standing {
  return {
    upstream,
    asked: 0,
    replied: 0,
    failed: 0,
    rttMs: undefined,
    failuresInRow: 0,
    evidence: new Set(),
    isFailing: false,
    isLooping: false,
    trialAtMs,
  };
}

/** One nothing is known of may be as fast as any. */
function rank({ failuresInRow, rttMs = 0 }: Standing): number {
  if (failuresInRow > 0) return Number.MAX_SAFE_INTEGER;
  return rttMs < fastMs ? 0 : Math.floor(Math.log2(rttMs / fastMs)) + 1;
}

function identity({ address, askedFrom }: Upstream): Pick<UpstreamStatistics, 'address' | 'sandboxId'> {
  return askedFrom === undefined ? { address } : { address, sandboxId: askedFrom };
}

function asUpstream({ upstream }: Standing): Upstream {
  return upstream;
}
