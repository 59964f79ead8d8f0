// The rules that lead questions for port 53 of 127.0.0.11 to sockets at another port, as one nft table of the asker's namespace.
import { type IpAddress, toBytes } from '../../base/cidr.ts';
import { Batch } from '../../kernel/nftables/batch.ts';
import type { Hook } from '../../kernel/nftables/chain.ts';
import { NFT_TABLE_F_OWNER } from '../../kernel/nftables/constants.ts';
import type { Rule } from '../../kernel/nftables/rule.ts';
import { resolverAddress } from '../../model/name-entry.ts';

/** Resolvers are asked at this port. */
export const questionPort = 53;
/** Nobody else asks from there: what comes from it is for the engine's resolver. */
export const askingAddress = '127.0.0.12' as IpAddress;

/**
 * Where in the way of a packet the ports are rewritten, so that all others' rules, and connection tracking (-200), see the same
 * of a question and its reply.
 */
export type Place =
  /** They see port 53: as if the sockets were there. */
  | 'behind-all'
  /** They see the other port: the engine's rules for port 53, of type nat at -100, take nothing. */
  | 'before-all';

const table = 'fairlead-names';
/** Before NF_IP_PRI_RAW_BEFORE_DEFRAG and after NF_IP_PRI_CONNTRACK_HELPER (include/uapi/linux/netfilter_ipv4.h). */
const first = -500;
const last = 500;
const hooks: Readonly<Record<Place, { readonly questions: Hook; readonly replies: Hook }>> = {
  'behind-all': {
    questions: { type: 'filter', hook: 'input', priority: last },
    replies: { type: 'filter', hook: 'output', priority: first },
  },
  'before-all': {
    questions: { type: 'filter', hook: 'output', priority: first },
    replies: { type: 'filter', hook: 'postrouting', priority: last },
  },
};

/**
 * For a namespace without such a table. Stateless, so that a change of the table counts for the next packet. Fragments are none:
 * packets are whole at these hooks.
 */
export function leadingRules(port: number, place: Place): Batch {
  const { questions, replies } = hooks[place];
  const passes = place === 'before-all' ? passEngineQuestions : [];
  return new Batch(table, 'ip')
    .addTable(NFT_TABLE_F_OWNER)
    .addChain({ name: 'questions', base: questions })
    .addRule('questions', [...passes, ...rewrite('udp', 'destination', questionPort, port)])
    .addRule('questions', [...passes, ...rewrite('tcp', 'destination', questionPort, port)])
    .addChain({ name: 'replies', base: replies })
    .addRule('replies', rewrite('udp', 'source', port, questionPort))
    .addRule('replies', rewrite('tcp', 'source', port, questionPort));
}

/** From then on no question is led, and the replies to those that were still come from the port that was asked. */
export function leadNoMore(): Batch {
  return new Batch(table, 'ip').flushChain('questions');
}

/** In the headers of IPv4 (RFC 791), UDP and TCP. */
const offsets = { source: { address: 12, port: 0 }, destination: { address: 16, port: 2 } } as const;
const protocols = { tcp: 6, udp: 17 } as const;

/** `ip saddr != 127.0.0.12` */
const passEngineQuestions: Rule = [
  { kind: 'payload', header: 'network', offsetBytes: offsets.source.address, lengthBytes: 4, to: 0 },
  { kind: 'cmp', from: 0, operator: 'neq', value: toBytes(askingAddress) },
];

/** `ip daddr 127.0.0.11 udp dport FROM udp dport set TO` */
function rewrite(
  protocol: keyof typeof protocols,
  side: keyof typeof offsets,
  from: number,
  to: number,
): Rule {
  const { address, port } = offsets[side];
  return [
    { kind: 'payload', header: 'network', offsetBytes: address, lengthBytes: 4, to: 0 },
    { kind: 'cmp', from: 0, operator: 'eq', value: toBytes(resolverAddress) },
    { kind: 'meta', key: 'l4proto', to: 0 },
    { kind: 'cmp', from: 0, operator: 'eq', value: Uint8Array.of(protocols[protocol]) },
    { kind: 'payload', header: 'transport', offsetBytes: port, lengthBytes: 2, to: 0 },
    { kind: 'cmp', from: 0, operator: 'eq', value: portBytes(from) },
    { kind: 'immediate', to: 0, value: portBytes(to) },
    { kind: 'payload', header: 'transport', offsetBytes: port, lengthBytes: 2, from: 0 },
  ];
}

function portBytes(port: number): Uint8Array {
  return Uint8Array.of(port >> 8, port & 0xff);
}
