// Loads what routing says of a packet.
import type { Attributes, AttributeWriter } from '../../netlink/attribute.ts';
import { decodeRegister, encodeRegister, type Register } from './register.ts';

export interface Rt {
  readonly kind: 'rt';
  /**
   * The longest TCP segment that fits the routes in both directions: their smaller MTU less the headers (net/netfilter/nft_rt.c).
   * Two bytes in the machine's order.
   */
  readonly key: 'tcp mss';
  readonly to: Register;
}

const NFTA_RT_DREG = 1;
const NFTA_RT_KEY = 2;
const NFT_RT_TCPMSS = 3;

export function encodeRt(attributes: AttributeWriter, { to }: Rt): void {
  attributes.be32(NFTA_RT_KEY, NFT_RT_TCPMSS);
  attributes.be32(NFTA_RT_DREG, encodeRegister(to));
}

export function decodeRt(attributes: Attributes): Rt | undefined {
  if (attributes.be32(NFTA_RT_KEY) !== NFT_RT_TCPMSS) return undefined;
  return { kind: 'rt', key: 'tcp mss', to: decodeRegister(attributes.be32(NFTA_RT_DREG)) };
}
