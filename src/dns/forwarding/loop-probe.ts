// Finds upstreams that ask us what we ask them, by questions nobody else can know of.
import { randomBytes } from 'node:crypto';
import { classIn, recordType } from '../message/constants.ts';
import { flag, questionKey } from '../message/message.ts';
import type { Query } from '../message/query.ts';
import { type Upstream, upstreamKey } from './exchange.ts';

/** How often an upstream is suspected at most. */
const probeEveryMs = 60_000;
/** As many as are asked at once matter; others are forgotten. */
const probesMax = 1_024;

interface Probe {
  readonly upstream: Upstream;
  readonly madeAtMs: number;
  readonly key: string;
}

/**
 * A question that comes back through an upstream looks like the same question of somebody else, and to refuse it would wrong whoever
 * happens to ask it too. So the upstream is asked for a name made up for it alone (as dnsmasq does by --dns-loop-detect): whoever asks
 * us for that name has it from that upstream. `test` is a domain nobody has (RFC 6761 section 6.2).
 */
export class LoopProbes {
  readonly #now: () => number;
  readonly #byQuestion = new Map<string, Probe>();
  /** The latest of each upstream, the latest of all last. */
  readonly #byUpstream = new Map<string, Probe>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The question to find out by; undefined when the upstream was asked one lately. */
  make(upstream: Upstream): Query | undefined {
    const last = this.#byUpstream.get(upstreamKey(upstream));
    const madeAtMs = this.#now();
    if (last !== undefined && madeAtMs < last.madeAtMs + probeEveryMs) return undefined;
    if (last !== undefined) this.#forget(last);
    const query = uniqueQuery();
    const probe = { upstream, madeAtMs, key: questionKey(query.question) };
    this.#byUpstream.set(upstreamKey(upstream), probe);
    this.#byQuestion.set(probe.key, probe);
    const [oldest] = this.#byUpstream.values();
    if (this.#byUpstream.size > probesMax && oldest !== undefined) this.#forget(oldest);
    return query;
  }

  /** The upstream a question comes through, if it was made here. */
  sourceOf(query: Query): Upstream | undefined {
    return this.#byQuestion.get(questionKey(query.question))?.upstream;
  }

  #forget(probe: Probe): void {
    this.#byUpstream.delete(upstreamKey(probe.upstream));
    this.#byQuestion.delete(probe.key);
  }
}

function uniqueQuery(): Query {
  const label = randomBytes(16).toString('hex');
  const question = Buffer.from(`\x20${label}\x04test\0\0\0\0\0`, 'latin1');
  question.writeUInt16BE(recordType.A, question.length - 4);
  question.writeUInt16BE(classIn, question.length - 2);
  return { id: 0, flags: flag.RD, question, name: `${label}.test`, type: recordType.A };
}
