// Writes a field of a TCP option; a packet without the option is left as it is, as is a segment size that would grow
// (nft_exthdr_tcp_set_eval in net/netfilter/nft_exthdr.c).
import type { Attributes, AttributeWriter } from '../../netlink/attribute.ts';
import { decodeRegister, encodeRegister, type Register } from './register.ts';

export interface Exthdr {
  readonly kind: 'exthdr';
  /** Number of the TCP option. */
  readonly option: number;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly from: Register;
}

/** The maximum segment size (RFC 9293, section 3.2): kind, length, then two bytes. */
export const TCPOPT_MAXSEG = 2;

const NFTA_EXTHDR_TYPE = 2;
const NFTA_EXTHDR_OFFSET = 3;
const NFTA_EXTHDR_LEN = 4;
const NFTA_EXTHDR_OP = 6;
const NFTA_EXTHDR_SREG = 7;
const NFT_EXTHDR_OP_TCPOPT = 1;

export function encodeExthdr(attributes: AttributeWriter, exthdr: Exthdr): void {
  attributes.be32(NFTA_EXTHDR_SREG, encodeRegister(exthdr.from));
  attributes.u8(NFTA_EXTHDR_TYPE, exthdr.option);
  attributes.be32(NFTA_EXTHDR_OFFSET, exthdr.offsetBytes);
  attributes.be32(NFTA_EXTHDR_LEN, exthdr.lengthBytes);
  attributes.be32(NFTA_EXTHDR_OP, NFT_EXTHDR_OP_TCPOPT);
}

/** Undefined for one that reads, or of another header. */
export function decodeExthdr(attributes: Attributes): Exthdr | undefined {
  const from = attributes.be32(NFTA_EXTHDR_SREG);
  const option = attributes.u8(NFTA_EXTHDR_TYPE);
  if (
    attributes.be32(NFTA_EXTHDR_OP) !== NFT_EXTHDR_OP_TCPOPT ||
    from === undefined ||
    option === undefined
  ) {
    return undefined;
  }
  return {
    kind: 'exthdr',
    option,
    offsetBytes: attributes.be32(NFTA_EXTHDR_OFFSET) ?? 0,
    lengthBytes: attributes.be32(NFTA_EXTHDR_LEN) ?? 0,
    from: decodeRegister(from),
  };
}
