// From the bytes of a question to the bytes of its reply: our own answer at once, or an upstream's later.
import type { Log } from '../base/log.ts';
import { answer, type ForwardTarget, type View } from './answer.ts';
import { rcode } from './constants.ts';
import type { NameTable } from './name-table.ts';
import type { Query } from './query.ts';
import { datagramLimit, emptyReply, loopbackPayloadBytes, passOn } from './reply.ts';
import { decodeQuery, encodeAnswer } from './wire.ts';

export type Transport = 'udp' | 'tcp';
/** Undefined: nothing is said. */
export type Reply = Buffer | undefined;

/** Undefined when nobody there has a reply. Never rejects. */
export type Forward = (query: Query, target: ForwardTarget) => Promise<Buffer | undefined>;

export interface ResponderParts {
  readonly table: NameTable;
  readonly forward: Forward;
  readonly log: Log;
}

/** The most a message over TCP may have. */
const streamLimitBytes = 65_535;

export class Responder {
  readonly #parts: ResponderParts;
  #turn = 0;

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
  ): Reply | Promise<Reply> {
    const incoming = decodeQuery(message);
    if (incoming === undefined) return undefined;
    if ('refusal' in incoming) return incoming.refusal;
    const { query } = incoming;
    if (view === undefined) return emptyReply(query, rcode.REFUSED);
    const limitBytes = transport === 'udp' ? datagramLimit(query, datagramBytes) : streamLimitBytes;
    try {
      const own = answer(query, view, this.#parts.table, this.#turn++);
      return 'forwardTo' in own
        ? this.#forward(query, own.forwardTo, limitBytes)
        : encodeAnswer(query, own, limitBytes);
    } catch (error) {
      // A name that no message can hold (a label over 63 bytes) is the one known way here.
      this.#parts.log.warn({ name: query.name, reason: String(error) }, 'cannot encode an answer');
      return emptyReply(query, rcode.SERVFAIL);
    }
  }

  async #forward(query: Query, target: ForwardTarget, limitBytes: number): Promise<Reply> {
    const reply = await this.#parts.forward(query, target);
    return reply === undefined ? emptyReply(query, rcode.SERVFAIL) : passOn(query, reply, limitBytes);
  }
}
