// Questions no network answers: from what was said before, or asked once however many ask, of the upstream likely to reply first.
import type { Log } from '../../base/log.ts';
import type { UpstreamStatistics } from '../../model/name-statistics.ts';
import { questionKey } from '../message/message.ts';
import type { Query } from '../message/query.ts';
import type { ReplyCache } from './cache.ts';
import { isCut, type Upstream, upstreamKey } from './exchange.ts';
import { FairShare } from './fair-share.ts';
import type { Race } from './race.ts';
import { UpstreamRaces, type UpstreamReply } from './upstream-races.ts';
import type { UpstreamChange } from './upstream-ranking.ts';

export interface ForwarderOptions {
  /** Nothing is kept without. */
  readonly cache?: ReplyCache;
  /** Takes failures for replies: what there is to ask is one upstream, which has its reasons. */
  readonly anyReply?: boolean;
  /** Questions under way at most, shared between those who ask; what comes on top fails at once. */
  readonly inFlightMax?: number;
  /** Head start of an upstream over the next. */
  readonly staggerMs?: number;
  /** How long an asker waits for upstreams where there is a reply past its time. */
  readonly staleAfterMs?: number;
  /** An upstream begins to fail, or works again. */
  readonly onUpstream?: (change: UpstreamChange) => void;
  readonly log?: Log;
  /** Milliseconds that never go back. */
  readonly now?: () => number;
}

export interface Forwarded {
  /** Without OPT record, its TTLs as they are now. */
  readonly reply: Buffer;
  /** How long copies may be given elsewhere; 0 when this one is for the asker alone. */
  readonly rememberMs: number;
  readonly from: 'cache' | 'stale' | 'upstream';
  /** The upstream's address. */
  readonly upstream?: string;
  /** How long the upstream took. */
  readonly tookMs?: number;
}

interface UnderWay {
  readonly reply: Promise<Forwarded | undefined>;
  /** Asked again before there was a reply: by somebody, or by an upstream that asks us. */
  isAskedAgain: boolean;
}

/** A question that is asked again and has no reply for so long may be going round in a circle. */
const suspectAfterMs = 1_000;

const crowdedOut = new Error('others have as much to ask');

export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #cache: ReplyCache | undefined;
  readonly #share: FairShare;
  readonly #races: UpstreamRaces;
  readonly #underWay = new Map<string, UnderWay>();
  #isClosed = false;

  constructor(options: ForwarderOptions) {
    const { anyReply = false, staggerMs = 150, now = () => performance.now() } = options;
    this.#options = options;
    this.#cache = options.cache;
    this.#share = new FairShare(options.inFlightMax ?? 512);
    const onUpstream = (change: UpstreamChange) => this.#tell(change);
    this.#races = new UpstreamRaces({ anyReply, staggerMs, onUpstream, now });
  }

  /**
   * A reply from the cache, or from the first upstream to have one, or, where none has, one past its time (RFC 8767); undefined
   * when there is none of these. Never rejects.
   * @param asker whose share of the questions under way it is.
   */
  async forward(query: Query, upstreams: readonly Upstream[], asker: string): Promise<Forwarded | undefined> {
    if (this.isUnderWay(query)) return undefined;
    const key = keyOf(query, upstreams);
    const cached = this.#cache?.get(key);
    if (cached !== undefined) return { reply: cached.reply, rememberMs: cached.freshMs, from: 'cache' };
    const asked = this.#cache?.mustDo(key) === true ? undefined : this.#ask(key, query, upstreams, asker);
    const reply = asked && (await within(this.#options.staleAfterMs ?? 1_800, asked));
    if (reply !== undefined) return reply;
    const stale = this.#cache?.getStale(key);
    return stale === undefined ? asked : { reply: stale, rememberMs: 0, from: 'stale' };
  }

  /** Whether a question is one of ours that comes back through an upstream, which is then not asked for a while. */
  isUnderWay(query: Query): boolean {
    return this.#races.comesBack(query);
  }

  /** Gives up on what is asked from a sandbox's namespace: nothing of ours is open there any more. */
  forget(askedFrom: string): void {
    this.#races.forget(askedFrom);
  }

  statistics(): readonly UpstreamStatistics[] {
    return this.#races.statistics();
  }

  /** Gives up on everything under way, and asks nobody any more. */
  close(): void {
    this.#isClosed = true;
    this.#races.close();
  }

  #ask(
    key: string,
    query: Query,
    upstreams: readonly Upstream[],
    asker: string,
  ): Promise<Forwarded | undefined> | undefined {
    const joined = this.#underWay.get(key);
    if (joined !== undefined) {
      joined.isAskedAgain = true;
      return joined.reply;
    }
    const giveUp = () => race.stop(crowdedOut);
    if (this.#isClosed || !this.#share.take(asker, giveUp)) return undefined;
    const race = this.#races.start(query, upstreams);
    void race.reply.then(() => this.#share.release(asker, giveUp));
    const underWay = { isAskedAgain: false, reply: this.#outcome(race, key) };
    this.#underWay.set(key, underWay);
    this.#suspectIfAskedAgain(underWay, race);
    return underWay.reply;
  }

  async #outcome(race: Race<UpstreamReply>, key: string): Promise<Forwarded | undefined> {
    const replied = await race.reply;
    this.#underWay.delete(key);
    if (replied === undefined) {
      this.#cache?.failed(key);
      return undefined;
    }
    const rememberMs = isCut(replied.reply) ? 0 : (this.#cache?.put(key, replied.reply) ?? 0);
    return { ...replied, rememberMs, from: 'upstream' };
  }

  #suspectIfAskedAgain(underWay: UnderWay, race: Race<UpstreamReply>): void {
    if (this.#options.anyReply) return;
    const timer = setInterval(() => {
      if (underWay.isAskedAgain) this.#races.suspect(race);
    }, suspectAfterMs);
    void underWay.reply.then(() => clearInterval(timer));
  }

  #tell(change: UpstreamChange): void {
    const { log, onUpstream } = this.#options;
    if (change.isFailing) log?.warn(change, 'an upstream nameserver fails');
    else log?.info(change, 'an upstream nameserver works again');
    onUpstream?.(change);
  }
}

/** Undefined when there is nothing in that time. */
function within<T>(ms: number, promise: Promise<T | undefined>): Promise<T | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms, undefined);
    void promise.then((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}

/** Equal for questions that may share a reply. */
function keyOf(query: Query, upstreams: readonly Upstream[]): string {
  const { edns, flags, question } = query;
  const servers = upstreams.map(upstreamKey).join();
  const options = edns === undefined ? '' : `edns${edns.dnssecOk ? '+do' : ''}`;
  return `${servers} ${flags} ${options} ${questionKey(question)}`;
}
