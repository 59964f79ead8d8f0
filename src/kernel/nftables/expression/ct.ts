// Loads what connection tracking knows of a packet's connection.
import type { Attributes, AttributeWriter } from '../../netlink/attribute.ts';
import { decodeRegister, encodeRegister, type Register } from './register.ts';

export interface Ct {
  readonly kind: 'ct';
  readonly key: 'state' | 'status';
  readonly to: Register;
}

/** Bits of `state`, NF_CT_STATE_BIT in include/uapi/linux/netfilter/nf_conntrack_common.h. */
export const ctState = { invalid: 1, established: 2, related: 4 } as const;
/** Bit of `status`: the connection's destination was translated (IPS_DST_NAT). */
export const IPS_DST_NAT = 0x20;

const NFTA_CT_DREG = 1;
const NFTA_CT_KEY = 2;
const keys = { state: 0, status: 2 } as const;

export function encodeCt(attributes: AttributeWriter, ct: Ct): void {
  attributes.be32(NFTA_CT_KEY, keys[ct.key]);
  attributes.be32(NFTA_CT_DREG, encodeRegister(ct.to));
}

export function decodeCt(attributes: Attributes): Ct | undefined {
  const key = attributes.be32(NFTA_CT_KEY);
  if (key !== keys.state && key !== keys.status) return undefined;
  return {
    kind: 'ct',
    key: key === keys.state ? 'state' : 'status',
    to: decodeRegister(attributes.be32(NFTA_CT_DREG)),
  };
}
