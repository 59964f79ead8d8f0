// Who is asked when: the upstreams in the order of their ranking, what becomes of each noted, and none that asks us in turn.
import { randomInt } from 'node:crypto';
import type { UpstreamStatistics } from '../../model/name-statistics.ts';
import { rcode, recordType } from '../message/constants.ts';
import { cutBefore, rcodeOf, recordSpans } from '../message/message.ts';
import type { Query } from '../message/query.ts';
import { encodeForwarded } from '../message/reply.ts';
import { askUpstream, type Upstream, upstreamKey } from './exchange.ts';
import { LoopProbes } from './loop-probe.ts';
import { type AnyRace, Race } from './race.ts';
import { type UpstreamChange, UpstreamRanking } from './upstream-ranking.ts';

export interface RaceOptions {
  /** Takes failures for replies. */
  readonly anyReply: boolean;
  /** Head start of an upstream over the next. */
  readonly staggerMs: number;
  readonly onUpstream: (change: UpstreamChange) => void;
  readonly now: () => number;
}

export interface UpstreamReply {
  /** Without OPT record. */
  readonly reply: Buffer;
  readonly upstream: string;
  readonly tookMs: number;
}

/** What an upstream answers that cannot help: another may. */
const unhelpful = new Map<number, string>([
  [rcode.SERVFAIL, 'SERVFAIL'],
  [rcode.REFUSED, 'REFUSED'],
  [rcode.NOTIMP, 'NOTIMP'],
]);
/** So many races whose losers are heard out, to know how they are. */
const heardOutMax = 16;

const overtaken = new Error('another replied first');
const unwanted = new Error('no longer wanted');
const looping = new Error('it asks us what we ask it');

export class UpstreamRaces {
  readonly #options: RaceOptions;
  readonly #ranking: UpstreamRanking;
  readonly #probes: LoopProbes;
  readonly #races = new Set<AnyRace>();
  /** Of the races, those that have their reply. */
  readonly #heardOut = new Set<AnyRace>();

  constructor(options: RaceOptions) {
    this.#options = options;
    this.#ranking = new UpstreamRanking(options.onUpstream, options.now);
    this.#probes = new LoopProbes(options.now);
  }

  start(query: Query, upstreams: readonly Upstream[]): Race<UpstreamReply> {
    const { staggerMs } = this.#options;
    const race = new Race(this.#ranking.order(upstreams), staggerMs, (upstream, signal) =>
      this.#ask(upstream, query, signal),
    );
    this.#follow(race);
    void race.reply.then(() => this.#hearOut(race));
    return race;
  }

  /** Finds out whether upstreams a race waits for ask us: `comesBack` is asked of the question then. */
  suspect(race: AnyRace): void {
    for (const upstream of race.running) {
      const query = this.#probes.make(upstream);
      if (query === undefined) continue;
      const message = encodeForwarded(query, randomInt(0x1_0000));
      this.#follow(
        new Race({ upstreams: [upstream], atOnce: 1 }, 0, (one, signal) => askUpstream(one, message, signal)),
      );
    }
  }

  /** Whether a question is one of ours that comes back through an upstream, which is then not asked for a while. */
  comesBack(query: Query): boolean {
    const source = this.#probes.sourceOf(query);
    if (source === undefined) return false;
    this.#ranking.loops(source, looping.message);
    this.#stop(looping, (upstream) => upstreamKey(upstream) === upstreamKey(source));
    return true;
  }

  /** Gives up on what is asked from a sandbox's namespace, and forgets its upstreams. */
  forget(askedFrom: string): void {
    this.#stop(unwanted, (upstream) => upstream.askedFrom === askedFrom);
    this.#ranking.forget(askedFrom);
  }

  statistics(): readonly UpstreamStatistics[] {
    return this.#ranking.statistics();
  }

  close(): void {
    this.#stop(unwanted, () => true);
  }

  async #ask(upstream: Upstream, query: Query, signal: AbortSignal): Promise<UpstreamReply> {
    const startedAtMs = this.#options.now();
    const elapsedMs = () => this.#options.now() - startedAtMs;
    let about: string | undefined;
    this.#ranking.asked(upstream);
    try {
      const message = encodeForwarded(query, randomInt(0x1_0000));
      const reply = withoutOpt(await askUpstream(upstream, message, signal));
      const refusal = this.#options.anyReply ? undefined : unhelpful.get(rcodeOf(reply));
      if (refusal !== undefined) {
        about = query.name.toLowerCase();
        throw new Error(`it says ${refusal}`);
      }
      const tookMs = elapsedMs();
      this.#ranking.replied(upstream, tookMs);
      return { reply, upstream: upstream.address, tookMs };
    } catch (error) {
      if (signal.reason === overtaken) this.#ranking.overtaken(upstream, elapsedMs());
      else if (!signal.aborted) this.#ranking.failed(upstream, (error as Error).message, about);
      throw error;
    }
  }

  #follow(race: AnyRace): void {
    this.#races.add(race);
    void race.ended.then(() => {
      this.#races.delete(race);
      this.#heardOut.delete(race);
    });
  }

  #hearOut(race: AnyRace): void {
    if (race.running.length === 0) return;
    if (this.#heardOut.size < heardOutMax) this.#heardOut.add(race);
    else race.stop(overtaken);
  }

  #stop(reason: Error, which: (upstream: Upstream) => boolean): void {
    for (const race of [...this.#races]) race.stop(reason, which);
  }
}

/**
 * The reply up to its OPT record, which was meant for us alone. What follows OPT, if anything, is a signature (TSIG) no asker
 * could check. Throws when the reply is malformed, or its rcode one that needs OPT.
 */
function withoutOpt(reply: Buffer): Buffer {
  const spans = recordSpans(reply);
  if (spans === undefined) throw new Error('its reply is malformed');
  const index = spans.findIndex((span) => span.type === recordType.OPT);
  const option = spans[index];
  const extendedRcode = option === undefined ? 0 : (reply[option.ttlOffset] ?? 0);
  if (extendedRcode !== 0) throw new Error(`it says rcode ${(extendedRcode << 4) | rcodeOf(reply)}`);
  return cutBefore(reply, spans, index < 0 ? spans.length : index);
}
