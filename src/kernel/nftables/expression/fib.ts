// Asks the routing tables which kind of address the destination is.
import type { Attributes, AttributeWriter } from '../../netlink/attribute.ts';
import { decodeRegister, encodeRegister, type Register } from './register.ts';

export interface Fib {
  readonly kind: 'fib';
  readonly result: 'daddr type';
  readonly to: Register;
}

/** The result for an address of the host itself (`include/uapi/linux/rtnetlink.h`). */
export const RTN_LOCAL = 2;

const NFTA_FIB_DREG = 1;
const NFTA_FIB_RESULT = 2;
const NFTA_FIB_FLAGS = 3;
const NFTA_FIB_F_DADDR = 0x2;
const NFT_FIB_RESULT_ADDRTYPE = 3;

export function encodeFib(attributes: AttributeWriter, fib: Fib): void {
  attributes.be32(NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
  attributes.be32(NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
  attributes.be32(NFTA_FIB_DREG, encodeRegister(fib.to));
}

export function decodeFib(attributes: Attributes): Fib | undefined {
  const flags = attributes.be32(NFTA_FIB_FLAGS);
  const result = attributes.be32(NFTA_FIB_RESULT);
  if (flags !== NFTA_FIB_F_DADDR || result !== NFT_FIB_RESULT_ADDRTYPE) return undefined;
  return { kind: 'fib', result: 'daddr type', to: decodeRegister(attributes.be32(NFTA_FIB_DREG)) };
}
