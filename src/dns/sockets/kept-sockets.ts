// Sockets of resolvers that outlive the daemon: taken over from the one before, or opened and kept for the next.
import { type Namespace, namespaceOfSocket, sameNamespace } from '../../kernel/netns.ts';
import { type HeldTable, heldBy } from '../../kernel/nftables/held-table.ts';
import type { SocketKeeper } from '../../kernel/socket-keeper.ts';
import { closeFd, type ServerSockets } from '../../kernel/sockets.ts';

/** Sockets to be listened on. */
export interface OpenedSockets {
  /** Owned by whoever listens on them. */
  readonly sockets: ServerSockets;
  /**
   * From then on nobody else holds the sockets, and no question is led to them. To be called when they are closed for good, and
   * no later; not when the process ends. Does not reject; must not be repeated.
   */
  readonly release?: () => Promise<void>;
}

export interface NewSockets {
  readonly sockets: ServerSockets;
  /** What leads questions to them, unless they are where these are sent. */
  readonly table?: HeldTable;
}

export interface Keeping {
  /** Without one they end with the daemon. */
  readonly keeper: SocketKeeper | undefined;
  readonly key: string;
  readonly namespace: Namespace;
  readonly open: () => Promise<NewSockets>;
}

/** Errors: those of `open`. */
export async function openKept({ keeper, key, namespace, open }: Keeping): Promise<OpenedSockets> {
  // The port and the rules of one that was closed just now are free only when the keeper has let go of them too.
  await keeper?.dropped(key);
  const taken = keeper === undefined ? undefined : await takeFrom(keeper, key, namespace);
  const { sockets, table } = taken ?? (await open());
  if (taken === undefined) keeper?.keep(key, fdsOf({ sockets, ...(table && { table }) }));
  return {
    sockets,
    release: async () => {
      await keeper?.drop(key);
      await table?.release();
    },
  };
}

/** Only what is in that namespace: a key may have come to mean another. */
async function takeFrom(
  keeper: SocketKeeper,
  key: string,
  namespace: Namespace,
): Promise<NewSockets | undefined> {
  const fds = keeper.take(key);
  if (fds === undefined) return undefined;
  const [udp, tcp, owner] = fds;
  if (udp !== undefined && tcp !== undefined && fds.every((fd) => isIn(namespace, fd))) {
    return { sockets: { udp, tcp }, ...(owner !== undefined && { table: heldBy(owner) }) };
  }
  for (const fd of fds) closeFd(fd);
  await keeper.drop(key);
  await keeper.dropped(key);
  return undefined;
}

function fdsOf({ sockets, table }: NewSockets): readonly number[] {
  return [sockets.udp, sockets.tcp, ...(table === undefined ? [] : [table.fd])];
}

function isIn(namespace: Namespace, fd: number): boolean {
  try {
    return sameNamespace(namespaceOfSocket(fd), namespace);
  } catch {
    return false;
  }
}
