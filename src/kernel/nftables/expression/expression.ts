// The expressions a rule is made of: one codec for each kind, by the name the kernel has for it.
import {
  type Attributes,
  Attributes as AttributesOf,
  type AttributeWriter,
} from '../../netlink/attribute.ts';
import { NFTA_EXPR_DATA, NFTA_EXPR_NAME, NFTA_LIST_ELEM } from '../constants.ts';
import { type Bitwise, decodeBitwise, encodeBitwise } from './bitwise.ts';
import { type Byteorder, decodeByteorder, encodeByteorder } from './byteorder.ts';
import { type Cmp, decodeCmp, encodeCmp } from './cmp.ts';
import { type Counter, decodeCounter, encodeCounter } from './counter.ts';
import { type Ct, decodeCt, encodeCt } from './ct.ts';
import { decodeExthdr, type Exthdr, encodeExthdr } from './exthdr.ts';
import { decodeFib, encodeFib, type Fib } from './fib.ts';
import { decodeImmediate, encodeImmediate, type Immediate } from './immediate.ts';
import { decodeLookup, encodeLookup, type Lookup } from './lookup.ts';
import { decodeMasq, encodeMasq, type Masq } from './masq.ts';
import { decodeMatch, encodeMatch, type Match } from './match.ts';
import { decodeMeta, encodeMeta, type Meta } from './meta.ts';
import { decodeNat, encodeNat, type Nat } from './nat.ts';
import { decodePayload, encodePayload, type Payload, type PayloadWrite } from './payload.ts';
import { decodeReject, encodeReject, type Reject } from './reject.ts';
import { decodeRt, encodeRt, type Rt } from './rt.ts';
import { decodeTarget, encodeTarget, type Target } from './target.ts';

export type Expression =
  | Bitwise
  | Byteorder
  | Cmp
  | Counter
  | Ct
  | Exthdr
  | Fib
  | Immediate
  | Lookup
  | Masq
  | Match
  | Meta
  | Nat
  | Payload
  | PayloadWrite
  | Reject
  | Rt
  | Target;

/** An expression as the kernel shows it; `undefined` for a kind or form this project never uses. */
export type DecodedExpression = Expression | undefined;

type Kind = Expression['kind'];
type Codecs = {
  readonly [K in Kind]: {
    readonly encode: (attributes: AttributeWriter, expression: Extract<Expression, { kind: K }>) => void;
    readonly decode: (attributes: Attributes) => Extract<Expression, { kind: K }> | undefined;
  };
};

const codecs: Codecs = {
  bitwise: { encode: encodeBitwise, decode: decodeBitwise },
  byteorder: { encode: encodeByteorder, decode: decodeByteorder },
  cmp: { encode: encodeCmp, decode: decodeCmp },
  counter: { encode: encodeCounter, decode: decodeCounter },
  ct: { encode: encodeCt, decode: decodeCt },
  exthdr: { encode: encodeExthdr, decode: decodeExthdr },
  fib: { encode: encodeFib, decode: decodeFib },
  immediate: { encode: encodeImmediate, decode: decodeImmediate },
  lookup: { encode: encodeLookup, decode: decodeLookup },
  masq: { encode: encodeMasq, decode: decodeMasq },
  match: { encode: encodeMatch, decode: decodeMatch },
  meta: { encode: encodeMeta, decode: decodeMeta },
  nat: { encode: encodeNat, decode: decodeNat },
  payload: { encode: encodePayload, decode: decodePayload },
  reject: { encode: encodeReject, decode: decodeReject },
  rt: { encode: encodeRt, decode: decodeRt },
  target: { encode: encodeTarget, decode: decodeTarget },
};

/** Writes one NFTA_LIST_ELEM of a rule's expression list. */
export function encodeExpression(attributes: AttributeWriter, expression: Expression): void {
  attributes.nested(NFTA_LIST_ELEM, () => {
    attributes.string(NFTA_EXPR_NAME, expression.kind);
    attributes.nested(NFTA_EXPR_DATA, () => encodeData(attributes, expression));
  });
}

/** Reads one member of a rule's expression list. */
export function decodeExpression(member: Attributes): DecodedExpression {
  const kind = member.string(NFTA_EXPR_NAME);
  if (kind === undefined || !isKind(kind)) return undefined;
  return codecs[kind].decode(member.nested(NFTA_EXPR_DATA) ?? new AttributesOf(new Uint8Array()));
}

function encodeData<E extends Expression>(attributes: AttributeWriter, expression: E): void {
  const codec = codecs[expression.kind] as {
    readonly encode: (attributes: AttributeWriter, expression: E) => void;
  };
  codec.encode(attributes, expression);
}

function isKind(kind: string): kind is Kind {
  return Object.hasOwn(codecs, kind);
}
