// Loads a constant into a register, or gives the verdict.
import type { Attributes, AttributeWriter } from '../../netlink/attribute.ts';
import { NFTA_DATA_VALUE } from '../constants.ts';
import { decodeVerdict, encodeVerdict, type Verdict } from '../verdict.ts';
import { decodeRegister, encodeRegister, type Register } from './register.ts';

export type Immediate =
  | { readonly kind: 'immediate'; readonly verdict: Verdict }
  | { readonly kind: 'immediate'; readonly to: Register; readonly value: Uint8Array };

const NFTA_IMMEDIATE_DREG = 1;
const NFTA_IMMEDIATE_DATA = 2;
const NFT_REG_VERDICT = 0;

export function encodeImmediate(attributes: AttributeWriter, immediate: Immediate): void {
  if ('verdict' in immediate) {
    attributes.be32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
    attributes.nested(NFTA_IMMEDIATE_DATA, () => encodeVerdict(attributes, immediate.verdict));
  } else {
    attributes.be32(NFTA_IMMEDIATE_DREG, encodeRegister(immediate.to));
    attributes.nested(NFTA_IMMEDIATE_DATA, () => attributes.bytes(NFTA_DATA_VALUE, immediate.value));
  }
}

export function decodeImmediate(attributes: Attributes): Immediate | undefined {
  const register = attributes.be32(NFTA_IMMEDIATE_DREG);
  const data = attributes.nested(NFTA_IMMEDIATE_DATA);
  if (register === NFT_REG_VERDICT) {
    const verdict = decodeVerdict(data);
    return verdict === undefined ? undefined : { kind: 'immediate', verdict };
  }
  const value = data?.bytes(NFTA_DATA_VALUE);
  if (value === undefined) return undefined;
  return { kind: 'immediate', to: decodeRegister(register), value: Uint8Array.from(value) };
}
