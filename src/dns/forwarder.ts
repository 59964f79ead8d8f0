// Questions no network answers: cached, asked once however many ask, raced between upstreams.
import { randomInt } from 'node:crypto';
import type { ReplyCache } from './cache.ts';
import { rcode, recordType } from './constants.ts';
import { askUpstream, isCut, type Upstream } from './exchange.ts';
import { cutBefore, questionKey, rcodeOf, recordSpans } from './message.ts';
import type { Query } from './query.ts';
import { encodeForwarded } from './reply.ts';

export interface ForwarderOptions {
  /** Nothing is kept without. */
  readonly cache?: ReplyCache;
  /** Takes failures for replies: what there is to ask is one upstream, which has its reasons. */
  readonly anyReply?: boolean;
  /** Questions under way at most; what comes on top fails at once. */
  readonly inFlightMax?: number;
  /** Head start of an upstream over the next. */
  readonly staggerMs?: number;
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

/** What an upstream answers that cannot help: another may. */
const unhelpful: readonly number[] = [rcode.SERVFAIL, rcode.REFUSED, rcode.NOTIMP];

export class Forwarder {
  readonly #cache: ReplyCache | undefined;
  readonly #anyReply: boolean;
  readonly #inFlightMax: number;
  readonly #staggerMs: number;
  readonly #inFlight = new Map<string, Promise<Buffer | undefined>>();
  readonly #races = new Set<AbortController>();

  constructor({ cache, anyReply = false, inFlightMax = 512, staggerMs = 150 }: ForwarderOptions) {
    this.#cache = cache;
    this.#anyReply = anyReply;
    this.#inFlightMax = inFlightMax;
    this.#staggerMs = staggerMs;
  }

  /**
   * A reply from the cache or from the first upstream to have one; undefined when all fail. Never rejects.
   * @param _asker who asks, for a fair share of the questions under way.
   */
  async forward(
    query: Query,
    upstreams: readonly Upstream[],
    _asker: string,
  ): Promise<Forwarded | undefined> {
    const key = keyOf(query, upstreams);
    const cached = this.#cache?.get(key);
    if (cached !== undefined) return { reply: cached, rememberMs: 0, from: 'cache' };
    const reply = await this.#replyTo(key, query, upstreams);
    return reply && { reply, rememberMs: 0, from: 'upstream' };
  }

  async #replyTo(key: string, query: Query, upstreams: readonly Upstream[]): Promise<Buffer | undefined> {
    const joined = this.#inFlight.get(key);
    if (joined !== undefined) return joined;
    if (this.#inFlight.size >= this.#inFlightMax) return undefined;
    const asked = this.#ask(query, upstreams).finally(() => this.#inFlight.delete(key));
    this.#inFlight.set(key, asked);
    const reply = await asked;
    if (reply !== undefined && !isCut(reply)) this.#cache?.put(key, reply);
    return reply;
  }

  /** Gives up on everything under way. */
  close(): void {
    for (const race of this.#races) race.abort(new Error('shutting down'));
  }

  async #ask(query: Query, upstreams: readonly Upstream[]): Promise<Buffer | undefined> {
    const ask = async (upstream: Upstream, signal: AbortSignal) => {
      const reply = await askUpstream(upstream, encodeForwarded(query, randomInt(0x1_0000)), signal);
      if (!this.#anyReply && unhelpful.includes(rcodeOf(reply)))
        throw new Error('the upstream cannot answer');
      return withoutOpt(reply);
    };
    const race = new AbortController();
    this.#races.add(race);
    try {
      return await firstReply(upstreams, ask, { staggerMs: this.#staggerMs, race });
    } finally {
      this.#races.delete(race);
      race.abort();
    }
  }
}

type Ask = (upstream: Upstream, signal: AbortSignal) => Promise<Buffer>;

/** Asks the upstreams in order, the next one when its predecessor fails or has not answered for a while; takes the first reply. */
function firstReply(
  upstreams: readonly Upstream[],
  ask: Ask,
  { staggerMs, race }: { staggerMs: number; race: AbortController },
): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const waiting = [...upstreams];
    let running = 0;
    let timer: NodeJS.Timeout | undefined;
    const finish = (reply: Buffer | undefined) => {
      clearTimeout(timer);
      waiting.length = 0;
      resolve(reply);
    };
    const start = () => {
      clearTimeout(timer);
      const upstream = race.signal.aborted ? undefined : waiting.shift();
      if (upstream === undefined) {
        if (running === 0) finish(undefined);
        return;
      }
      running++;
      if (waiting.length > 0) timer = setTimeout(start, staggerMs);
      ask(upstream, race.signal).then(finish, () => {
        running--;
        start();
      });
    };
    start();
  });
}

/**
 * The reply up to its OPT record, which was meant for us alone. What follows OPT, if anything, is a signature (TSIG) no asker
 * could check. Throws when the reply is malformed, or its rcode one that needs OPT.
 */
function withoutOpt(reply: Buffer): Buffer {
  const spans = recordSpans(reply);
  if (spans === undefined) throw new Error('malformed reply');
  const index = spans.findIndex((span) => span.type === recordType.OPT);
  const option = spans[index];
  const extendedRcode = option === undefined ? 0 : reply[option.ttlOffset];
  if (extendedRcode !== 0) throw new Error('the upstream cannot answer');
  return cutBefore(reply, spans, index < 0 ? spans.length : index);
}

/** Equal for questions that may share a reply. */
function keyOf(query: Query, upstreams: readonly Upstream[]): string {
  const { edns, flags, question } = query;
  const servers = upstreams.map((one) => `${one.address}#${one.port}`).join(' ');
  const options = edns === undefined ? '' : `edns${edns.dnssecOk ? '+do' : ''}`;
  return `${servers} ${flags} ${options} ${questionKey(question)}`;
}
