// A resolver before that of a container engine: it answers what the asker's networks know, and passes on the rest.
import { setImmediate as turn } from 'node:timers/promises';
import type { Log } from '../base/log.ts';
import type { View } from './answer.ts';
import { Forwarder } from './forwarder.ts';
import { Listener, type ResolverSockets } from './listener.ts';
import type { NameTable } from './name-table.ts';
import type { Precedence } from './precedence.ts';
import { Responder } from './responder.ts';

export interface BesideResolverParts {
  readonly table: NameTable;
  /** What the asker may see at this moment. */
  readonly view: () => View | undefined;
  readonly log: Log;
}

/** With the sockets in the hands of node. */
type ListenedPrecedence = Omit<Precedence, 'sockets'> & { readonly sockets: ResolverSockets };

/** Before the asker is known, and after it was forgotten, its names are the engine's. */
const nothing: View = { networks: [], links: [], forwarding: 'host' };

export class BesideResolver {
  readonly #precedence: ListenedPrecedence;
  readonly #listener: Listener;
  readonly #log: Log;
  /** One for each engine's resolver: what one container is told is no other's, and may be another thing a moment later. */
  readonly #forwarder = new Forwarder({ anyReply: true });

  constructor(precedence: ListenedPrecedence, { table, view, log }: BesideResolverParts) {
    const responder = new Responder({
      table,
      forward: async (query) => (await this.#forwarder.forward(query, [precedence.engine], 'all'))?.reply,
      log,
    });
    this.#precedence = precedence;
    this.#log = log;
    this.#listener = new Listener(precedence.sockets, {
      // All else is asked of the engine, which decides whether it may leave.
      respond: (message, transport) =>
        responder.respond(message, transport, { ...(view() ?? nothing), forwarding: 'host' }),
      log,
    });
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
    this.#listener.close();
    await this.#precedence.release();
  }
}
