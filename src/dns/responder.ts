// From the bytes of a question to the bytes of its reply: our own answer at once, or an upstream's later.
import type { Log } from '../base/log.ts';
import { type Answer, answer, type View } from './answer.ts';
import type { Forwarded } from './forwarding/forwarder.ts';
import { rcode } from './message/constants.ts';
import type { Query } from './message/query.ts';
import { datagramLimit, emptyReply, loopbackPayloadBytes, passOn } from './message/reply.ts';
import { decodeQuery, encodeAnswer } from './message/wire.ts';
import type { NameTable } from './names/name-table.ts';
import type { LeftCounts, Outcome } from './statistics.ts';
import { Turns } from './turns.ts';

export type Transport = 'udp' | 'tcp';

export interface Said {
  /** Undefined: nothing is said. */
  readonly reply: Buffer | undefined;
  /** For how long it may be said again to the same question, without asking here; 0 for not at all. */
  readonly rememberMs: number;
}

/** Asks where the view says; undefined when nobody there has a reply. Never rejects. */
export type Forward = (query: Query, view: View) => Promise<Forwarded | undefined>;

export interface ResponderParts {
  readonly table: NameTable;
  readonly forward: Forward;
  readonly counts: LeftCounts;
  readonly log: Log;
}

/** The most a message over TCP may have. */
const streamLimitBytes = 65_535;

export class Responder {
  readonly #parts: ResponderParts;
  readonly #turns = new Turns();

  constructor(parts: ResponderParts) {
    this.#parts = parts;
  }

  /**
   * Never throws or rejects, whatever came in. An asker without a view is told nothing.
   * @param datagramBytes the most that is sent in a datagram.
   */
  respond(
    message: Buffer,
    transport: Transport,
    view: View | undefined,
    datagramBytes = loopbackPayloadBytes,
  ): Said | Promise<Said> {
    const incoming = decodeQuery(message);
    if (incoming === undefined) return say(undefined);
    if ('refusal' in incoming) return say(incoming.refusal);
    const { query } = incoming;
    if (view === undefined) return say(emptyReply(query, rcode.REFUSED));
    const limitBytes = transport === 'udp' ? datagramLimit(query, datagramBytes) : streamLimitBytes;
    const { table, counts, log } = this.#parts;
    try {
      const own = answer(query, view, table, this.#turns.next(view, query.type));
      if ('forwardTo' in own) return this.#forward(query, view, limitBytes);
      counts.count(view.sandboxId, outcomeOf(own), own.owners);
      return say(encodeAnswer(query, own, limitBytes));
    } catch (error) {
      // A name that no message can hold (a label over 63 bytes) is the one known way here.
      log.warn({ name: query.name, reason: String(error) }, 'cannot encode an answer');
      counts.count(view.sandboxId, 'failed');
      return say(emptyReply(query, rcode.SERVFAIL));
    }
  }

  async #forward(query: Query, view: View, limitBytes: number): Promise<Said> {
    const { forward, counts } = this.#parts;
    const forwarded = await forward(query, view);
    if (forwarded === undefined) {
      counts.count(view.sandboxId, 'failed');
      return say(emptyReply(query, rcode.SERVFAIL));
    }
    const { reply, rememberMs, from } = forwarded;
    counts.count(view.sandboxId, from === 'upstream' ? 'forwarded' : 'cached');
    return { reply: passOn(query, reply, limitBytes), rememberMs };
  }
}

function outcomeOf({ rcode: code, answers }: Answer): Outcome {
  if (code === rcode.REFUSED) return 'refused';
  if (code === rcode.NXDOMAIN) return 'noName';
  return answers.length > 0 ? 'answered' : 'noData';
}

function say(reply: Buffer | undefined): Said {
  return { reply, rememberMs: 0 };
}
