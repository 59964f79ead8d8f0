// The rules that lead questions for a container engine's resolver to ours, as one nft table of the asker's namespace.
import { type IpAddress, toBytes } from '../base/cidr.ts';
import { Batch } from '../kernel/nftables/batch.ts';
import type { Hook } from '../kernel/nftables/chain.ts';
import { NFPROTO_IPV4, NFT_TABLE_F_OWNER } from '../kernel/nftables/constants.ts';
import type { Rule } from '../kernel/nftables/rule.ts';
import { resolverAddress } from '../model/name-entry.ts';

export interface ResolverPorts {
  readonly udp: number;
  readonly tcp: number;
}

/** Both resolvers are asked at this port of 127.0.0.11. */
export const questionPort = 53;
/** Nobody else asks from there: what comes from it is for the engine's resolver. */
export const askingAddress = '127.0.0.12' as IpAddress;

const table = 'fairlead-names';
/**
 * Chains of type nat run in the order of their priorities until one has translated the connection; those of engines, made
 * by iptables or nft, are at -100 (`dstnat`).
 */
const hook: Hook = { type: 'nat', hook: 'output', priority: -101 };

/** For a namespace without such a table. */
export function precedenceRules(ports: ResolverPorts): Batch {
  return new Batch(table)
    .addTable(NFT_TABLE_F_OWNER)
    .addChain({ name: 'output', base: hook })
    .addRule('output', leadTo('udp', ports.udp))
    .addRule('output', leadTo('tcp', ports.tcp));
}

/** `ip daddr 127.0.0.11 ip saddr != 127.0.0.12 udp dport 53 dnat ip to 127.0.0.11:PORT` */
function leadTo(protocol: keyof typeof protocols, port: number): Rule {
  const number = Uint8Array.of(protocols[protocol]);
  return [
    { kind: 'meta', key: 'nfproto', to: 0 },
    { kind: 'cmp', from: 0, operator: 'eq', value: Uint8Array.of(NFPROTO_IPV4) },
    { kind: 'payload', header: 'network', offsetBytes: destinationOffset, lengthBytes: 4, to: 0 },
    { kind: 'cmp', from: 0, operator: 'eq', value: toBytes(resolverAddress) },
    { kind: 'payload', header: 'network', offsetBytes: sourceOffset, lengthBytes: 4, to: 0 },
    { kind: 'cmp', from: 0, operator: 'neq', value: toBytes(askingAddress) },
    { kind: 'meta', key: 'l4proto', to: 0 },
    { kind: 'cmp', from: 0, operator: 'eq', value: number },
    { kind: 'payload', header: 'transport', offsetBytes: 2, lengthBytes: 2, to: 0 },
    { kind: 'cmp', from: 0, operator: 'eq', value: portBytes(questionPort) },
    { kind: 'immediate', to: 0, value: toBytes(resolverAddress) },
    { kind: 'immediate', to: 1, value: portBytes(port) },
    { kind: 'nat', type: 'dnat', family: 4, address: 0, port: 1 },
  ];
}

const protocols = { tcp: 6, udp: 17 } as const;
/** In the IPv4 header (RFC 791). */
const sourceOffset = 12;
const destinationOffset = 16;

function portBytes(port: number): Uint8Array {
  return Uint8Array.of(port >> 8, port & 0xff);
}
