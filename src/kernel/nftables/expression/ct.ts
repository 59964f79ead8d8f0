// Loads what connection tracking knows of a packet's connection.
import type { Attributes, AttributeWriter } from '../../netlink/attribute.ts';
import { decodeRegister, encodeRegister, type Register } from './register.ts';

export interface Ct {
  readonly kind: 'ct';
  /** `original`: of the connection's first packet, before any translation. */
  readonly key: 'state' | 'status' | 'original ip daddr' | 'original ip6 daddr';
  readonly to: Register;
}

/** Bits of `state`, NF_CT_STATE_BIT in include/uapi/linux/netfilter/nf_conntrack_common.h. */
export const ctState = { invalid: 1, established: 2, related: 4 } as const;
/** Bit of `status`: the connection's destination was translated (IPS_DST_NAT). */
export const IPS_DST_NAT = 0x20;

const NFTA_CT_DREG = 1;
const NFTA_CT_KEY = 2;
const NFTA_CT_DIRECTION = 3;
const IP_CT_DIR_ORIGINAL = 0;
// enum nft_ct_keys; the addresses without a family of their own are of Linux 4.17.
export const ctKeys = { state: 0, status: 2, 'original ip daddr': 20, 'original ip6 daddr': 22 } as const;
const names = new Map(Object.entries(ctKeys).map(([name, key]) => [key as number, name as Ct['key']]));

export function encodeCt(attributes: AttributeWriter, ct: Ct): void {
  attributes.be32(NFTA_CT_KEY, ctKeys[ct.key]);
  attributes.be32(NFTA_CT_DREG, encodeRegister(ct.to));
  if (ct.key.startsWith('original')) attributes.u8(NFTA_CT_DIRECTION, IP_CT_DIR_ORIGINAL);
}

export function decodeCt(attributes: Attributes): Ct | undefined {
  const key = names.get(attributes.be32(NFTA_CT_KEY) ?? -1);
  const direction = attributes.u8(NFTA_CT_DIRECTION) ?? IP_CT_DIR_ORIGINAL;
  if (key === undefined || direction !== IP_CT_DIR_ORIGINAL) return undefined;
  return { kind: 'ct', key, to: decodeRegister(attributes.be32(NFTA_CT_DREG)) };
}
