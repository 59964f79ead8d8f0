// Replies of upstreams, kept as long as they say: bytes in, bytes out, with their TTLs counted down.
import { rcode, recordType } from './constants.ts';
import { type RecordSpan, rcodeOf, recordSpans } from './message.ts';

interface Entry {
  readonly reply: Buffer;
  readonly ttlOffsets: readonly number[];
  readonly storedAtMs: number;
  readonly lifetimeMs: number;
}

export interface CacheLimits {
  readonly entries: number;
  readonly bytes: number;
}

const positiveSecondsMax = 86_400;
/** RFC 2308 section 5 suggests one to three hours. */
const negativeSecondsMax = 3_600;

/** Bounded; what was not used for longest goes first. */
export class ReplyCache {
  readonly #limits: CacheLimits;
  readonly #now: () => number;
  /** In order of use, the latest last. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  /** @param now milliseconds that never go back. */
  constructor(limits: CacheLimits = { entries: 10_000, bytes: 8 << 20 }, now = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /** A copy of the reply, its TTLs less the time it was here. */
  get(key: string): Buffer | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    const ageMs = this.#now() - entry.storedAtMs;
    this.#delete(key, entry);
    if (ageMs >= entry.lifetimeMs) return undefined;
    this.#set(key, entry);
    const reply = Buffer.from(entry.reply);
    const ageSeconds = Math.floor(ageMs / 1000);
    for (const offset of entry.ttlOffsets) {
      reply.writeUInt32BE(Math.max(reply.readUInt32BE(offset) - ageSeconds, 0), offset);
    }
    return reply;
  }

  /** Keeps a whole reply without OPT record, if it may be kept at all. */
  put(key: string, reply: Buffer): void {
    const spans = recordSpans(reply) ?? [];
    const lifetimeMs = lifetimeSeconds(reply, spans) * 1000;
    const old = this.#entries.get(key);
    if (old !== undefined) this.#delete(key, old);
    if (lifetimeMs === 0) return;
    const ttlOffsets = spans.map((span) => span.ttlOffset);
    this.#set(key, { reply, ttlOffsets, storedAtMs: this.#now(), lifetimeMs });
    this.#evict();
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
