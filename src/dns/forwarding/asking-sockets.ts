// Servers that belong to a sandbox or its network are asked from the sandbox's own namespace: it reaches no more by our hand than by its own.
import { createSocket } from 'node:dgram';
import { Socket } from 'node:net';
import { familyOf, type IpAddress } from '../../base/cidr.ts';
import { withNamespace } from '../../kernel/netns.ts';
import { openClientInNamespace } from '../../kernel/sockets.ts';
import type { SandboxId } from '../../model/ids.ts';
import type { Upstream } from './exchange.ts';

export interface AskingPlace {
  readonly sandboxId: SandboxId;
  readonly namespacePath: string;
}

/**
 * The namespace is opened for each question: it is held by nothing but questions under way. Errors of its sockets: those of
 * open(2), bind(2) and connect(2).
 */
export function upstreamFrom(place: AskingPlace, address: IpAddress, port: number): Upstream {
  const isIpv4 = familyOf(address) === 4;
  const open = (protocol: 'udp' | 'tcp') =>
    withNamespace({ path: place.namespacePath }, (namespace) =>
      openClientInNamespace(namespace, { protocol, from: isIpv4 ? '0.0.0.0' : '::', to: address, port }),
    );
  return {
    address,
    port,
    askedFrom: place.sandboxId,
    sockets: {
      udp: async () => createSocket(isIpv4 ? 'udp4' : 'udp6').bind({ fd: await open('udp') }),
      tcp: async () => new Socket({ fd: await open('tcp'), readable: true, writable: true }),
    },
  };
}
