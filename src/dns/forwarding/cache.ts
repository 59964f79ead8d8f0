// Replies of upstreams, good for as long as they say, and better than none for a while after: bytes in, bytes out.
import type { NameStatistics } from '../../model/name-statistics.ts';
import { rcode, recordType } from '../message/constants.ts';
import { type RecordSpan, rcodeOf, recordSpans } from '../message/message.ts';

interface Entry {
  readonly reply: Buffer;
  readonly ttlOffsets: readonly number[];
  readonly storedAtMs: number;
  readonly lifetimeMs: number;
  /** When no upstream had a newer one; never as long as there was no need to ask. */
  failedAtMs: number;
}

/** A reply as it is now. */
export interface CachedReply {
  readonly reply: Buffer;
  /** How long it is good for. */
  readonly freshMs: number;
}

export interface CacheLimits {
  readonly entries: number;
  readonly bytes: number;
}

const positiveSecondsMax = 86_400;
/** RFC 2308 section 5 suggests one to three hours. */
const negativeSecondsMax = 3_600;

/** How long a reply past its time is kept (RFC 8767 section 5 suggests a day or more), and what its TTLs are then. */
const staleMaxMs = 86_400_000;
const staleTtlSeconds = 30;
/** RFC 8767 section 5 suggests 30 s, out of regard for servers of the whole world; these are the host's own. */
const recheckMs = 5_000;

/** Bounded; what was not used for longest goes first. */
export class ReplyCache {
  readonly #limits: CacheLimits;
  readonly #now: () => number;
  /** In order of use, the latest last. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;
  #hits = 0;
  #staleHits = 0;

  /** @param now milliseconds that never go back. */
  constructor(limits: CacheLimits = { entries: 10_000, bytes: 8 << 20 }, now = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /** A copy of a reply that is still good, its TTLs less the time it was here. */
  get(key: string): CachedReply | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    const ageMs = this.#now() - entry.storedAtMs;
    if (ageMs >= entry.lifetimeMs) return undefined;
    this.#use(key, entry);
    this.#hits++;
    const ageSeconds = Math.floor(ageMs / 1000);
    const reply = withTtls(entry, (ttl) => Math.max(ttl - ageSeconds, 0));
    return { reply, freshMs: entry.lifetimeMs - ageMs };
  }

  /** A copy of a reply whose time is over, to be given where there is no better one. */
  getStale(key: string): Buffer | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (this.#now() >= entry.storedAtMs + entry.lifetimeMs + staleMaxMs) {
      this.#delete(key, entry);
      return undefined;
    }
    this.#use(key, entry);
    this.#hits++;
    this.#staleHits++;
    return withTtls(entry, () => staleTtlSeconds);
  }

  /** Keeps a whole reply without OPT record, if it may be kept at all. Returns for how long it is good. */
  put(key: string, reply: Buffer): number {
    const spans = recordSpans(reply) ?? [];
    const lifetimeMs = lifetimeSeconds(reply, spans) * 1000;
    const old = this.#entries.get(key);
    if (old !== undefined) this.#delete(key, old);
    if (lifetimeMs === 0) return 0;
    const ttlOffsets = spans.map((span) => span.ttlOffset);
    const storedAtMs = this.#now();
    this.#set(key, { reply, ttlOffsets, storedAtMs, lifetimeMs, failedAtMs: Number.NEGATIVE_INFINITY });
    this.#evict();
    return lifetimeMs;
  }

  /** No upstream has a newer reply at the moment: what is kept has to do for a while. */
  failed(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) entry.failedAtMs = this.#now();
  }

  /** Whether upstreams failed so lately that they are not asked again yet. */
  mustDo(key: string): boolean {
    const entry = this.#entries.get(key);
    return entry !== undefined && this.#now() < entry.failedAtMs + recheckMs;
  }

  statistics(): NameStatistics['cache'] {
    return {
      entries: this.#entries.size,
      bytes: this.#bytes,
      hits: this.#hits,
      stale: this.#staleHits,
    };
  }

  #use(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#entries.set(key, entry);
  }

  #set(key: string, entry: Entry): void {
    this.#entries.set(key, entry);
    this.#bytes += entry.reply.length;
  }

  #delete(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#bytes -= entry.reply.length;
  }

  #evict(): void {
    for (const [key, entry] of this.#entries) {
      if (this.#entries.size <= this.#limits.entries && this.#bytes <= this.#limits.bytes) return;
      this.#delete(key, entry);
    }
  }
}

function withTtls({ reply, ttlOffsets }: Entry, change: (ttl: number) => number): Buffer {
  const copy = Buffer.from(reply);
  for (const offset of ttlOffsets) copy.writeUInt32BE(change(copy.readUInt32BE(offset)), offset);
  return copy;
}

/** Seconds a reply may be kept: its smallest TTL; without an answer, what its SOA says (RFC 2308 section 5), nothing without one. */
function lifetimeSeconds(reply: Buffer, spans: readonly RecordSpan[]): number {
  const code = rcodeOf(reply);
  if (code !== rcode.NOERROR && code !== rcode.NXDOMAIN) return 0;
  const ttls = spans.map((span) => ttlOf(reply, span.ttlOffset));
  const soa = spans.find((span) => span.section === 'authority' && span.type === recordType.SOA);
  if (isPositive(reply, spans)) return Math.min(positiveSecondsMax, ...ttls);
  if (soa === undefined || soa.end - soa.dataOffset < 4) return 0;
  return Math.min(negativeSecondsMax, ttlOf(reply, soa.end - 4), ...ttls);
}

/** It has a record of the type asked for; aliases that lead nowhere are no answer. */
function isPositive(reply: Buffer, spans: readonly RecordSpan[]): boolean {
  if (rcodeOf(reply) !== rcode.NOERROR) return false;
  const type = reply.readUInt16BE(questionTypeOffset(spans, reply));
  return spans.some((span) => span.section === 'answer' && (span.type === type || type === recordType.ANY));
}

/** The question ends where the first record begins. */
function questionTypeOffset(spans: readonly RecordSpan[], reply: Buffer): number {
  return (spans[0]?.start ?? reply.length) - 4;
}

/** RFC 2181 section 8: a TTL with the top bit set is no TTL. */
function ttlOf(reply: Buffer, offset: number): number {
  const ttl = reply.readUInt32BE(offset);
  return ttl > 0x7fffffff ? 0 : ttl;
}
