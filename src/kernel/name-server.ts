// Answering questions for names on a thread of the addon, whatever the event loop does: sockets and protocol there, and what the
// thread cannot answer by itself handed over here in batches.
import type { ServerSockets } from './sockets.ts';

/** Where questions come in, and so who asks. */
export type ListenerRole =
  /** The resolver of a sandbox, by the sandbox's number in the changes. */
  | {
      readonly sandbox: number;
      /** Names that no network knows are left to the slow path, whatever the view says, and their replies not remembered. */
      readonly unknownIsElsewhere: boolean;
    }
  /** A network's gateway, by the network's number: an asker is who has the address it asks from. */
  | { readonly network: number };

export interface ListenerLimits {
  /** The most a reply has in a datagram. */
  readonly datagramBytes: number;
  /** Of all askers together. */
  readonly connectionsMax: number;
}

/** A question the thread leaves to the slow path. Each is answered once, in whatever order. */
export interface LeftQuestion {
  readonly ticket: number;
  readonly listener: number;
  readonly transport: 'udp' | 'tcp';
  /** The asker's address; a link-local one without its zone. */
  readonly from: string;
  readonly message: Buffer;
}

export interface NameServerCounts {
  readonly sandboxes: readonly {
    readonly sandbox: number;
    readonly questions: number;
    /** With records of the sandbox's networks. */
    readonly answered: number;
    readonly noData: number;
    readonly noName: number;
    /** With what an upstream said before. */
    readonly remembered: number;
    readonly left: number;
  }[];
  readonly networks: readonly { readonly network: number; readonly answered: number }[];
  readonly malformed: number;
  /** Questions that were dropped because too many were waiting for the slow path. */
  readonly overflowed: number;
  /** Connections open now. */
  readonly connections: number;
}

export interface NameServer {
  /**
   * Takes changes of names and views (src/dns/table-changes.ts): no question that arrives after this returns is answered without
   * them. Never waits for answers under way. Errors: `internal` when they are malformed.
   */
  apply(changes: Uint8Array): void;
  /** Takes both sockets, also when it fails. Returns the listener's number. Errors: those of epoll_ctl(2), with `code`. */
  listen(sockets: ServerSockets, role: ListenerRole, limits: ListenerLimits): number;
  /** When it returns, its sockets and connections are closed, and questions left are answered in vain. Unknown is fine. */
  close(listener: number): void;
  /**
   * Answers a question that was left; nothing is said when there is no reply.
   * @param rememberMs for how long the thread may give the same reply to the same question by itself; 0 for not at all.
   */
  reply(ticket: number, message: Uint8Array | undefined, rememberMs?: number): void;
  counts(): NameServerCounts;
  /** Closes all; may be repeated. */
  stop(): void;
}
