// Looks a register up in a set; in a map the value found goes to a register, or becomes the verdict.
import type { Attributes, AttributeWriter } from '../../netlink/attribute.ts';
import { decodeRegister, encodeRegister, type Register } from './register.ts';

export interface Lookup {
  readonly kind: 'lookup';
  readonly set: string;
  readonly from: Register;
  /** Where a map's value goes; absent for plain sets. */
  readonly to?: Register | 'verdict';
  /** The rule goes on where there is none. */
  readonly inverted?: true;
}

const NFTA_LOOKUP_SET = 1;
const NFTA_LOOKUP_SREG = 2;
const NFTA_LOOKUP_DREG = 3;
const NFTA_LOOKUP_FLAGS = 5;
const NFT_LOOKUP_F_INV = 1;
const NFT_REG_VERDICT = 0;

export function encodeLookup(attributes: AttributeWriter, lookup: Lookup): void {
  attributes.be32(NFTA_LOOKUP_SREG, encodeRegister(lookup.from));
  if (lookup.to !== undefined) {
    attributes.be32(NFTA_LOOKUP_DREG, lookup.to === 'verdict' ? NFT_REG_VERDICT : encodeRegister(lookup.to));
  }
  attributes.string(NFTA_LOOKUP_SET, lookup.set);
  if (lookup.inverted === true) attributes.be32(NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
}

export function decodeLookup(attributes: Attributes): Lookup | undefined {
  const set = attributes.string(NFTA_LOOKUP_SET);
  const flags = attributes.be32(NFTA_LOOKUP_FLAGS) ?? 0;
  if (set === undefined || (flags & ~NFT_LOOKUP_F_INV) !== 0) return undefined;
  const from = decodeRegister(attributes.be32(NFTA_LOOKUP_SREG));
  const to = attributes.be32(NFTA_LOOKUP_DREG);
  if (to === undefined)
    return { kind: 'lookup', set, from, ...(flags === NFT_LOOKUP_F_INV && { inverted: true }) };
  return { kind: 'lookup', set, from, to: to === NFT_REG_VERDICT ? 'verdict' : decodeRegister(to) };
}
