// Questions as the forwarder gets them, and what comes of them.
import type { Upstream } from '../../../src/dns/forwarding/exchange.ts';
import type { Forwarded } from '../../../src/dns/forwarding/forwarder.ts';
import type { Query } from '../../../src/dns/message/query.ts';
import { decodeQuery } from '../../../src/dns/message/wire.ts';
import { type QuestionOptions, questionBytes, readReply } from './messages.ts';

export function query(name = 'example.com', options: QuestionOptions = {}): Query {
  return queryOf(questionBytes(name, options));
}

export function queryOf(message: Buffer): Query {
  const incoming = decodeQuery(message);
  if (incoming === undefined || 'refusal' in incoming) throw new Error('no question');
  return incoming.query;
}

/** The answers of `truthful(last)`. */
export function from(last: number, ttl = 60, name = 'example.com'): readonly string[] {
  return [`${name} ${ttl} A 192.0.2.${last}`];
}

export async function answers(
  forwarding: Promise<Buffer | undefined>,
): Promise<readonly string[] | undefined> {
  const reply = await forwarding;
  return reply && readReply(reply).answers;
}

/** Where the reply is from, and its answers. */
export async function told(
  forwarding: Promise<Forwarded | undefined>,
): Promise<readonly string[] | undefined> {
  const forwarded = await forwarding;
  return forwarded && [forwarded.from, ...readReply(forwarded.reply).answers];
}

/** Asked again after a moment. */
export function impatient(upstream: Upstream): Upstream {
  return { ...upstream, patience: { timeoutMs: 4_000, resendMs: 20 } };
}
