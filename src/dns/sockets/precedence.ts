// Takes precedence over the resolver a container engine has at 127.0.0.11 of a namespace, without touching anything of it.
import { createSocket } from 'node:dgram';
import { Socket } from 'node:net';
import { NetError } from '../../base/errors.ts';
import { type Namespace, openNamespace } from '../../kernel/netns.ts';
import { openClientInNamespace, type ServerSockets } from '../../kernel/sockets.ts';
import { resolverAddress } from '../../model/name-entry.ts';
import type { Upstream } from '../forwarding/exchange.ts';
import { askingAddress, leadNoMore, questionPort } from './leading-rules.ts';
import { openLedSockets } from './led-sockets.ts';
import { rulesRefusal, unavailable } from './rules-refusal.ts';

export interface Precedence {
  /** What is asked of the engine's resolver comes here. Owned by whoever listens on them; not to be closed before `giveWay` has resolved. */
  readonly sockets: ServerSockets;
  /** The engine's resolver. */
  readonly engine: Upstream;
  /** Once it resolves, the engine's resolver is asked again by everybody; who waits for a reply of ours still gets it. */
  giveWay(): Promise<void>;
  /** Once it resolves, nothing is left but the sockets. Must not be repeated. */
  release(): Promise<void>;
}

/** An engine's resolver asks up to three servers for 4 s each. Its asker repeats a question after 5 s, as the C library does. */
const enginePatience = { timeoutMs: 15_000, resendMs: 5_000 };

/** Errors: `not_implemented` when the kernel cannot hold the rules, `unavailable`. */
export async function takePrecedence(namespacePath: string): Promise<Precedence> {
  const namespace = openAt(namespacePath);
  try {
    const { sockets, table } = await openLedSockets(namespace, 'before-all');
    const release = () => table.release().finally(() => namespace.close());
    const giveWay = () => table.commit(leadNoMore());
    return { sockets, engine: engineIn(namespace), giveWay, release };
  } catch (error) {
    namespace.close();
    throw error instanceof NetError ? error : rulesRefusal(error, namespacePath);
  }
}

function openAt(path: string): Namespace {
  try {
    return openNamespace({ path });
  } catch (error) {
    throw unavailable(error, path);
  }
}

/** A socket for each question: the kernel leads a known port to where it led it before, even when the engine has moved. */
function engineIn(namespace: Namespace): Upstream {
  const engine = { from: askingAddress, to: resolverAddress, port: questionPort };
  return {
    address: resolverAddress,
    port: questionPort,
    patience: enginePatience,
    sockets: {
      async udp() {
        const fd = await openClientInNamespace(namespace, { protocol: 'udp', ...engine });
        return createSocket('udp4').bind({ fd });
      },
      async tcp() {
        const fd = await openClientInNamespace(namespace, { protocol: 'tcp', ...engine });
        return new Socket({ fd, readable: true, writable: true });
      },
    },
  };
}
