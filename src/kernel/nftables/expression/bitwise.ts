// Masks a register: keeps the bits of the mask. That is the kernel's `mask and xor`, its default operation, with nothing to xor.
import type { Attributes, AttributeWriter } from '../../netlink/attribute.ts';
import { NFTA_DATA_VALUE } from '../constants.ts';
import { decodeRegister, encodeRegister, type Register } from './register.ts';

export interface Bitwise {
  readonly kind: 'bitwise';
  readonly from: Register;
  readonly to: Register;
  readonly mask: Uint8Array;
}

const NFTA_BITWISE_SREG = 1;
const NFTA_BITWISE_DREG = 2;
const NFTA_BITWISE_LEN = 3;
const NFTA_BITWISE_MASK = 4;
const NFTA_BITWISE_XOR = 5;

export function encodeBitwise(attributes: AttributeWriter, bitwise: Bitwise): void {
  const { mask } = bitwise;
  attributes.be32(NFTA_BITWISE_SREG, encodeRegister(bitwise.from));
  attributes.be32(NFTA_BITWISE_DREG, encodeRegister(bitwise.to));
  attributes.be32(NFTA_BITWISE_LEN, mask.length);
  attributes.nested(NFTA_BITWISE_MASK, () => attributes.bytes(NFTA_DATA_VALUE, mask));
  attributes.nested(NFTA_BITWISE_XOR, () => attributes.bytes(NFTA_DATA_VALUE, new Uint8Array(mask.length)));
}

export function decodeBitwise(attributes: Attributes): Bitwise | undefined {
  const mask = attributes.nested(NFTA_BITWISE_MASK)?.bytes(NFTA_DATA_VALUE);
  const xor = attributes.nested(NFTA_BITWISE_XOR)?.bytes(NFTA_DATA_VALUE);
  if (mask === undefined || xor?.some((byte) => byte !== 0) !== false) return undefined;
  return {
    kind: 'bitwise',
    from: decodeRegister(attributes.be32(NFTA_BITWISE_SREG)),
    to: decodeRegister(attributes.be32(NFTA_BITWISE_DREG)),
    mask: Uint8Array.from(mask),
  };
}
