// Expressions and forms of expressions that only rules of others have: read, to tell what they do to a packet; never written.
import { Attributes, decodeAttributes } from '../../netlink/attribute.ts';
import { NFTA_DATA_VALUE, NFTA_DATA_VERDICT, NFTA_VERDICT_CHAIN, NFTA_VERDICT_CODE } from '../constants.ts';
import { decodeRegister, type Register } from './register.ts';

/** `meta` and `ct` by the kernel's numbers of their keys (enum nft_meta_keys, enum nft_ct_keys). */
export type ForeignExpression =
  | { readonly kind: 'load'; readonly from: 'meta' | 'ct'; readonly key: number; readonly to: Register }
  | { readonly kind: 'store' }
  | { readonly kind: 'goto'; readonly chain: string }
  | { readonly kind: 'queue' }
  | {
      readonly kind: 'order';
      readonly from: Register;
      readonly operator: 'lt' | 'lte' | 'gt' | 'gte';
      readonly value: Uint8Array;
    }
  | {
      readonly kind: 'between';
      readonly from: Register;
      readonly first: Uint8Array;
      readonly last: Uint8Array;
      readonly inverted: boolean;
    }
  | {
      readonly kind: 'mask';
      readonly from: Register;
      readonly to: Register;
      readonly mask: Uint8Array;
      readonly xor: Uint8Array;
    }
  | { readonly kind: 'reverse-path'; readonly presenceOnly: boolean; readonly to: Register }
  | { readonly kind: 'address-type'; readonly of: 'source' | 'destination'; readonly to: Register }
  | { readonly kind: 'refuse' }
  | { readonly kind: 'redirect'; readonly port?: Register }
  | { readonly kind: 'target'; readonly name: string; readonly info: Uint8Array }
  /** Looks at nothing and decides nothing: counters, logs, marks, and limits, which a first packet does not exceed. */
  | { readonly kind: 'neutral' }
  /** Holds for what exceeds a limit alone, or no longer because a quota is used up. */
  | { readonly kind: 'never' };

type Decode = (attributes: Attributes) => ForeignExpression | undefined;

const decoders: Readonly<Record<string, Decode>> = {
  meta: (attributes) => decodeLoad('meta', attributes),
  ct: (attributes) => decodeLoad('ct', attributes),
  immediate: decodeImmediate,
  cmp: decodeOrder,
  range: decodeRange,
  bitwise: decodeMask,
  payload: decodePayload,
  fib: decodeFib,
  reject: () => ({ kind: 'refuse' }),
  redir: decodeRedirect,
  target: decodeTarget,
  log: neutral,
  limit: decodeLimit,
  quota: decodeQuota,
  last: neutral,
  counter: neutral,
  notrack: neutral,
  objref: neutral,
  dynset: neutral,
  flow_offload: neutral,
};

/** Undefined for what nobody here knows the meaning of. */
export function decodeForeign(
  kind: string,
  attributes: Attributes | undefined,
): ForeignExpression | undefined {
  return decoders[kind]?.(attributes ?? new Attributes(new Uint8Array()));
}

function neutral(): ForeignExpression {
  return { kind: 'neutral' };
}

/** NFT_LIMIT_F_INV: `limit rate over`. */
function decodeLimit(attributes: Attributes): ForeignExpression {
  const NFTA_LIMIT_FLAGS = 5;
  return { kind: ((attributes.be32(NFTA_LIMIT_FLAGS) ?? 0) & 1) === 0 ? 'neutral' : 'never' };
}

/** NFT_QUOTA_F_INV: `quota over`. The packet itself counts, and has the headers of IP and ICMP at least. */
function decodeQuota(attributes: Attributes): ForeignExpression {
  const [NFTA_QUOTA_BYTES, NFTA_QUOTA_FLAGS, NFTA_QUOTA_CONSUMED] = [1, 2, 4];
  const shortest = 28n;
  const used = (attributes.be64(NFTA_QUOTA_CONSUMED) ?? 0n) + shortest;
  const isOver = used >= (attributes.be64(NFTA_QUOTA_BYTES) ?? 0n);
  const isInverted = ((attributes.be32(NFTA_QUOTA_FLAGS) ?? 0) & 1) !== 0;
  return { kind: isOver === isInverted ? 'neutral' : 'never' };
}

// Attribute numbers below: include/uapi/linux/netfilter/nf_tables.h. META_DREG and CT_DREG are 1, the keys 2; what has a
// source register instead sets something.
function decodeLoad(from: 'meta' | 'ct', attributes: Attributes): ForeignExpression {
  const [dreg, keyAttribute] = from === 'meta' ? [1, 2] : [1, 2];
  const to = attributes.be32(dreg);
  if (to === undefined) return { kind: 'store' };
  return { kind: 'load', from, key: attributes.be32(keyAttribute) ?? -1, to: decodeRegister(to) };
}

function decodeImmediate(attributes: Attributes): ForeignExpression | undefined {
  const verdict = attributes.nested(2)?.nested(NFTA_DATA_VERDICT);
  const code = (verdict?.be32(NFTA_VERDICT_CODE) ?? 0) | 0;
  const chain = verdict?.string(NFTA_VERDICT_CHAIN);
  const NFT_GOTO = -4;
  const NF_QUEUE = 3;
  const NFT_CONTINUE = -1;
  if (code === NFT_GOTO && chain !== undefined) return { kind: 'goto', chain };
  if (code === NFT_CONTINUE) return neutral();
  return (code & 0xff) === NF_QUEUE ? { kind: 'queue' } : undefined;
}

function decodeOrder(attributes: Attributes): ForeignExpression | undefined {
  const operator = ([undefined, undefined, 'lt', 'lte', 'gt', 'gte'] as const)[attributes.be32(2) ?? 0];
  const value = attributes.nested(3)?.bytes(NFTA_DATA_VALUE);
  if (operator === undefined || value === undefined) return undefined;
  return { kind: 'order', from: decodeRegister(attributes.be32(1)), operator, value: Uint8Array.from(value) };
}

function decodeRange(attributes: Attributes): ForeignExpression | undefined {
  const first = attributes.nested(3)?.bytes(NFTA_DATA_VALUE);
  const last = attributes.nested(4)?.bytes(NFTA_DATA_VALUE);
  if (first === undefined || last === undefined) return undefined;
  const inverted = attributes.be32(2) === 1;
  return {
    kind: 'between',
    from: decodeRegister(attributes.be32(1)),
    first: Uint8Array.from(first),
    last: Uint8Array.from(last),
    inverted,
  };
}

/** Operations other than `mask and xor` are shifts, or take a second register. */
function decodeMask(attributes: Attributes): ForeignExpression | undefined {
  const mask = attributes.nested(4)?.bytes(NFTA_DATA_VALUE);
  const xor = attributes.nested(5)?.bytes(NFTA_DATA_VALUE);
  if (mask === undefined || xor === undefined || (attributes.be32(6) ?? 0) !== 0) return undefined;
  const [from, to] = [attributes.be32(1), attributes.be32(2)].map(decodeRegister);
  return {
    kind: 'mask',
    from: from ?? 0,
    to: to ?? 0,
    mask: Uint8Array.from(mask),
    xor: Uint8Array.from(xor),
  };
}

/** With a source register it changes the packet; to load is for the codec of rules. */
function decodePayload(attributes: Attributes): ForeignExpression | undefined {
  const NFTA_PAYLOAD_SREG = 5;
  return attributes.has(NFTA_PAYLOAD_SREG) ? { kind: 'store' } : undefined;
}

function decodeFib(attributes: Attributes): ForeignExpression | undefined {
  const [result, flags] = [attributes.be32(2) ?? 0, attributes.be32(3) ?? 0];
  const to = decodeRegister(attributes.be32(1));
  const [saddr, daddr, mark, iif, present] = [1, 2, 4, 8, 32];
  const NFT_FIB_RESULT_OIF = 1;
  const NFT_FIB_RESULT_ADDRTYPE = 3;
  const about = flags & ~(mark | present);
  if (result === NFT_FIB_RESULT_ADDRTYPE && (about === saddr || about === daddr)) {
    return { kind: 'address-type', of: about === saddr ? 'source' : 'destination', to };
  }
  if (result !== NFT_FIB_RESULT_OIF || (about & ~iif) !== saddr) return undefined;
  return { kind: 'reverse-path', presenceOnly: (flags & present) !== 0, to };
}

function decodeRedirect(attributes: Attributes): ForeignExpression {
  const port = attributes.be32(1);
  return { kind: 'redirect', ...(port !== undefined && { port: decodeRegister(port) }) };
}

function decodeTarget(attributes: Attributes): ForeignExpression | undefined {
  const name = attributes.string(1);
  if (name === undefined) return undefined;
  return { kind: 'target', name, info: Uint8Array.from(attributes.bytes(3) ?? []) };
}

/** The kind and the attributes of one member of a rule's expression list. */
export function* expressionParts(list: Uint8Array): Generator<Attributes> {
  for (const { value } of decodeAttributes(list)) yield new Attributes(value);
}
