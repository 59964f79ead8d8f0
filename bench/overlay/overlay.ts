// A network over two hosts of some kind, as far as it is measured.
import type { HostProcess } from '../../test/support/host-process.ts';

/** Where what is connected serves. */
export const port = '80';

/** To connect: by a request to the daemon, or by the command line, whose own start counts. */
export const ways = ['request', 'command'] as const;
export type Way = (typeof ways)[number];

/** On the first host is a container that serves and is not on the network yet; on both are others that are. */
export interface Overlay extends AsyncDisposable {
  /** Starts a process in a container on the second host. */
  probe(command: readonly string[]): HostProcess;
  /** Brings the one that serves onto the network under a further name. */
  readonly connect: Readonly<Record<Way, (alias: string) => Promise<unknown>>>;
  disconnect(): Promise<unknown>;
}
