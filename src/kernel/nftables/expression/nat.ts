// Translates a connection's source or destination to an address, and port, in registers.
import type { Attributes, AttributeWriter } from '../../netlink/attribute.ts';
import { NFPROTO_IPV4, NFPROTO_IPV6 } from '../constants.ts';
import { decodeRegister, encodeRegister, type Register } from './register.ts';

export interface Nat {
  readonly kind: 'nat';
  readonly type: 'snat' | 'dnat';
  readonly family: 4 | 6;
  readonly address: Register;
  readonly port?: Register;
}

const NFTA_NAT_TYPE = 1;
const NFTA_NAT_FAMILY = 2;
const NFTA_NAT_REG_ADDR_MIN = 3;
const NFTA_NAT_REG_PROTO_MIN = 5;
const types = { snat: 0, dnat: 1 } as const;

export function encodeNat(attributes: AttributeWriter, nat: Nat): void {
  attributes.be32(NFTA_NAT_TYPE, types[nat.type]);
  attributes.be32(NFTA_NAT_FAMILY, nat.family === 4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
  attributes.be32(NFTA_NAT_REG_ADDR_MIN, encodeRegister(nat.address));
  if (nat.port !== undefined) attributes.be32(NFTA_NAT_REG_PROTO_MIN, encodeRegister(nat.port));
}

export function decodeNat(attributes: Attributes): Nat {
  const port = attributes.be32(NFTA_NAT_REG_PROTO_MIN);
  return {
    kind: 'nat',
    type: attributes.be32(NFTA_NAT_TYPE) === types.snat ? 'snat' : 'dnat',
    family: attributes.be32(NFTA_NAT_FAMILY) === NFPROTO_IPV4 ? 4 : 6,
    address: decodeRegister(attributes.be32(NFTA_NAT_REG_ADDR_MIN)),
    ...(port !== undefined && { port: decodeRegister(port) }),
  };
}
