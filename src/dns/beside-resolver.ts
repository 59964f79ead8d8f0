// A resolver before that of a container engine: it answers what the asker's networks know, and passes on the rest.
import { setImmediate as turn } from 'node:timers/promises';
import type { Log } from '../base/log.ts';
import type { View } from './answer.ts';
import { Forwarder } from './forwarding/forwarder.ts';
import type { NameTable } from './names/name-table.ts';
import { type Forward, Responder } from './responder.ts';
import type { Precedence } from './sockets/precedence.ts';
import type { LeftCounts } from './statistics.ts';
import type { Respond, ThreadListener } from './thread-listeners.ts';

export interface BesideResolverParts {
  readonly table: NameTable;
  readonly counts: LeftCounts;
  /** What the asker may see at this moment. */
  readonly view: () => View | undefined;
  /** On the sockets of the precedence, which are let go of with the listener. */
  readonly listen: (respond: Respond) => ThreadListener;
  readonly log: Log;
}

/** Before the asker is known, and after it was forgotten, its names are the engine's. */
const nothing: View = { networks: [], links: [], forwarding: 'host' };

export class BesideResolver {
  /** Asks the engine. */
  readonly forward: Forward;
  readonly #precedence: Pick<Precedence, 'engine' | 'giveWay'>;
  readonly #listener: ThreadListener;
  readonly #log: Log;
  /** One for each engine's resolver: what one container is told is no other's, and may be another thing a moment later. */
  readonly #forwarder = new Forwarder({ anyReply: true });

  constructor(
    precedence: Pick<Precedence, 'engine' | 'giveWay'>,
    { table, counts, view, listen, log }: BesideResolverParts,
  ) {
    // They all are one container's: it may have the whole share.
    this.forward = (query) => this.#forwarder.forward(query, [precedence.engine], 'container');
    const responder = new Responder({ table, forward: this.forward, counts, log });
    this.#precedence = precedence;
    this.#log = log;
    // All else is asked of the engine, which decides whether it may leave.
    this.#listener = listen((message, transport) =>
      responder.respond(message, transport, { ...(view() ?? nothing), forwarding: 'host' }),
    );
  }

  /** Answers until nothing is led here any more. */
  async close(): Promise<void> {
    try {
      await this.#precedence.giveWay();
    } catch (error) {
      this.#log.warn({ reason: String(error) }, 'cannot give way to a resolver');
    }
    // Whoever still waits is told that there is no answer, and asks again, the engine this time.
    this.#forwarder.close();
    await turn();
    await this.#listener.close();
  }
}
