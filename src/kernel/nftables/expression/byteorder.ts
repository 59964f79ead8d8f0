// Turns a number in a register from the machine's byte order into that of packets.
import type { Attributes, AttributeWriter } from '../../netlink/attribute.ts';
import { decodeRegister, encodeRegister, type Register } from './register.ts';

export interface Byteorder {
  readonly kind: 'byteorder';
  readonly from: Register;
  readonly to: Register;
  readonly lengthBytes: 2 | 4;
}

const NFTA_BYTEORDER_SREG = 1;
const NFTA_BYTEORDER_DREG = 2;
const NFTA_BYTEORDER_OP = 3;
const NFTA_BYTEORDER_LEN = 4;
const NFTA_BYTEORDER_SIZE = 5;
const NFT_BYTEORDER_HTON = 1;

export function encodeByteorder(attributes: AttributeWriter, byteorder: Byteorder): void {
  attributes.be32(NFTA_BYTEORDER_SREG, encodeRegister(byteorder.from));
  attributes.be32(NFTA_BYTEORDER_DREG, encodeRegister(byteorder.to));
  attributes.be32(NFTA_BYTEORDER_OP, NFT_BYTEORDER_HTON);
  attributes.be32(NFTA_BYTEORDER_LEN, byteorder.lengthBytes);
  attributes.be32(NFTA_BYTEORDER_SIZE, byteorder.lengthBytes);
}

/** Of several numbers at once there is none here. */
export function decodeByteorder(attributes: Attributes): Byteorder | undefined {
  const size = attributes.be32(NFTA_BYTEORDER_SIZE);
  if (attributes.be32(NFTA_BYTEORDER_OP) !== NFT_BYTEORDER_HTON || (size !== 2 && size !== 4))
    return undefined;
  if (attributes.be32(NFTA_BYTEORDER_LEN) !== size) return undefined;
  return {
    kind: 'byteorder',
    from: decodeRegister(attributes.be32(NFTA_BYTEORDER_SREG)),
    to: decodeRegister(attributes.be32(NFTA_BYTEORDER_DREG)),
    lengthBytes: size,
  };
}
