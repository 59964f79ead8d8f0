// Takes precedence over the resolver a container engine has at 127.0.0.11 of a namespace, without touching anything of it.
import { createSocket } from 'node:dgram';
import { type AddressInfo, Socket } from 'node:net';
import { NetError } from '../base/errors.ts';
import { type Namespace, openNamespace } from '../kernel/netns.ts';
import { commitAndHold, type HeldTable } from '../kernel/nftables/held-table.ts';
import { openClientInNamespace } from '../kernel/sockets.ts';
import { resolverAddress } from '../model/name-entry.ts';
import { openSocketsIn } from './adopt-sockets.ts';
import type { Upstream } from './exchange.ts';
import type { ResolverSockets } from './listener.ts';
import { askingAddress, precedenceRules, questionPort } from './precedence-rules.ts';

export interface Precedence {
  /** What is asked of the engine's resolver comes here. Not to be closed before `release` has resolved. */
  readonly sockets: ResolverSockets;
  /** The engine's resolver. */
  readonly engine: Upstream;
  /** Once it resolves, the engine's resolver is asked again by everybody, and no longer by us. Must not be repeated. */
  release(): Promise<void>;
}

/** What a kernel says that lacks owned tables (before Linux 5.12) or something else of our rules. */
const missing = new Set(['EOPNOTSUPP', 'EINVAL', 'ENOENT', 'EAFNOSUPPORT', 'EPROTONOSUPPORT']);
/** An engine's resolver asks up to three servers for 4 s each. Its asker repeats a question after 5 s, as the C library does. */
const enginePatience = { timeoutMs: 15_000, resendMs: 5_000 };

/** Errors: `not_implemented` when the kernel cannot hold the rules, `unavailable`. */
export async function takePrecedence(namespacePath: string): Promise<Precedence> {
  const close: (() => void)[] = [];
  try {
    const namespace = openNamespace({ path: namespacePath });
    close.push(() => namespace.close());
    // The kernel chooses the ports, so that port 53 of all addresses is left to the processes there.
    const sockets = await openSocketsIn(namespace, resolverAddress, 0);
    close.push(
      () => sockets.udp.close(),
      () => sockets.tcp.close(),
    );
    const table = await lead(namespace, sockets).catch((error: unknown) => {
      throw rulesRefusal(error, namespacePath);
    });
    const release = () => table.release().finally(() => namespace.close());
    return { sockets, engine: engineIn(namespace), release };
  } catch (error) {
    for (const one of close.reverse()) one();
    throw error instanceof NetError ? error : unavailable(error, namespacePath);
  }
}

/** Why the kernel would not take the rules. */
export function rulesRefusal(error: unknown, namespacePath: string): NetError {
  const code = codeOf(error);
  if (missing.has(code)) {
    const lacking =
      'nft tables that go with their owner (Linux 5.12) or translate addresses (CONFIG_NFT_NAT)';
    const text = `cannot answer names in ${namespacePath}: this kernel has no ${lacking}`;
    return new NetError('not_implemented', text, { cause: error });
  }
  if (code !== 'EPERM') return unavailable(error, namespacePath);
  const reason = 'its nft table fairlead-names belongs to another socket, or CAP_NET_ADMIN is missing';
  return unavailable(error, namespacePath, reason);
}

async function lead(namespace: Namespace, { udp, tcp }: ResolverSockets): Promise<HeldTable> {
  const { port } = tcp.address() as AddressInfo;
  return commitAndHold(namespace, precedenceRules({ udp: udp.address().port, tcp: port }));
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

function unavailable(error: unknown, path: string, reason = (error as Error).message): NetError {
  return new NetError('unavailable', `cannot answer names in ${path}: ${reason}`, { cause: error });
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}
