// Refuses a packet: a TCP reset for TCP, "port unreachable" for the rest.
import type { Attributes, AttributeWriter } from '../../netlink/attribute.ts';

export interface Reject {
  readonly kind: 'reject';
  readonly with: 'tcp reset' | 'port-unreachable';
}

const NFTA_REJECT_TYPE = 1;
const NFTA_REJECT_ICMP_CODE = 2;
const NFT_REJECT_TCP_RST = 1;
const NFT_REJECT_ICMPX_UNREACH = 2;
const NFT_REJECT_ICMPX_PORT_UNREACH = 1;

export function encodeReject(attributes: AttributeWriter, reject: Reject): void {
  const isReset = reject.with === 'tcp reset';
  attributes.be32(NFTA_REJECT_TYPE, isReset ? NFT_REJECT_TCP_RST : NFT_REJECT_ICMPX_UNREACH);
  attributes.u8(NFTA_REJECT_ICMP_CODE, isReset ? 0 : NFT_REJECT_ICMPX_PORT_UNREACH);
}

export function decodeReject(attributes: Attributes): Reject | undefined {
  const type = attributes.be32(NFTA_REJECT_TYPE);
  if (type === NFT_REJECT_TCP_RST) return { kind: 'reject', with: 'tcp reset' };
  const code = attributes.u8(NFTA_REJECT_ICMP_CODE);
  const isPortUnreachable = type === NFT_REJECT_ICMPX_UNREACH && code === NFT_REJECT_ICMPX_PORT_UNREACH;
  return isPortUnreachable ? { kind: 'reject', with: 'port-unreachable' } : undefined;
}
