// What listens on the name server's thread, and who answers what the thread leaves.
import { NetError } from '../base/errors.ts';
import {
  type LeftQuestion,
  type ListenerLimits,
  type ListenerRole,
  type NameServer,
  type NameServerCounts,
  startNameServer,
} from '../kernel/name-server.ts';
import type { Said, Transport } from './responder.ts';
import type { OpenedSockets } from './sockets/resolver-sockets.ts';

/** Never throws or rejects. `from` is the asker's address. */
export type Respond = (message: Buffer, transport: Transport, from: string) => Said | Promise<Said>;

export interface Listening {
  readonly role: ListenerRole;
  readonly limits: ListenerLimits;
  readonly respond: Respond;
}

export interface ThreadListener {
  /** Closes all sockets now, so that nothing of ours holds the namespace. Does not reject; may be repeated. */
  close(): Promise<void> | undefined;
}

export class ThreadListeners {
  readonly #server: NameServer = startNameServer((questions) => {
    for (const question of questions) this.#answer(question);
  });
  readonly #responds = new Map<number, Respond>();

  /** Takes changes of names and views; they count for every question that comes in from now on. */
  apply(changes: Uint8Array): void {
    this.#server.apply(changes);
  }

  /** Takes the sockets, also when it fails. Errors: `unavailable`. */
  listen({ sockets, release }: OpenedSockets, { role, limits, respond }: Listening): ThreadListener {
    let listener: number;
    try {
      listener = this.#server.listen(sockets, role, limits);
    } catch (error) {
      void release?.();
      const reason = error instanceof Error ? error.message : String(error);
      throw new NetError('unavailable', `cannot listen for questions: ${reason}`, { cause: error });
    }
    this.#responds.set(listener, respond);
    return {
      close: () => {
        if (!this.#responds.delete(listener)) return undefined;
        this.#server.close(listener);
        return release?.();
      },
    };
  }

  counts(): NameServerCounts {
    return this.#server.counts();
  }

  /** Closes all; may be repeated. */
  stop(): void {
    this.#server.stop();
  }

  /** What can be answered at once is answered with the rest of its batch. */
  #answer({ ticket, listener, transport, from, message }: LeftQuestion): void {
    const said = this.#responds.get(listener)?.(message, transport, from);
    if (said instanceof Promise) void said.then((later) => this.#say(ticket, later));
    else this.#say(ticket, said);
  }

  #say(ticket: number, { reply, rememberMs }: Said = silence): void {
    this.#server.reply(ticket, reply, rememberMs);
  }
}

const silence: Said = { reply: undefined, rememberMs: 0 };
