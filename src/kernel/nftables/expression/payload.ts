// Loads bytes of a packet's header into a register, or writes them from one.
import type { Attributes, AttributeWriter } from '../../netlink/attribute.ts';
import { decodeRegister, encodeRegister, type Register } from './register.ts';

export interface Payload {
  readonly kind: 'payload';
  readonly header: 'link' | 'network' | 'transport';
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly to: Register;
}

/** The checksum of the transport protocol, if the packet has one, is brought up to date; that of the network header is not. */
export interface PayloadWrite {
  readonly kind: 'payload';
  readonly header: 'network' | 'transport';
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly from: Register;
}

const NFTA_PAYLOAD_DREG = 1;
const NFTA_PAYLOAD_BASE = 2;
const NFTA_PAYLOAD_OFFSET = 3;
const NFTA_PAYLOAD_LEN = 4;
const NFTA_PAYLOAD_SREG = 5;
const NFTA_PAYLOAD_CSUM_TYPE = 6;
const NFTA_PAYLOAD_CSUM_FLAGS = 8;
const NFT_PAYLOAD_CSUM_NONE = 0;
/** The kernel knows where TCP and UDP have their checksum, and that UDP may have none (net/netfilter/nft_payload.c). */
const NFT_PAYLOAD_L4CSUM_PSEUDOHDR = 1;
const bases = { link: 0, network: 1, transport: 2 } as const;
const headers = new Map(
  Object.entries(bases).map(([name, base]) => [base as number, name as Payload['header']]),
);

export function encodePayload(attributes: AttributeWriter, payload: Payload | PayloadWrite): void {
  const isWrite = 'from' in payload;
  if (isWrite) attributes.be32(NFTA_PAYLOAD_SREG, encodeRegister(payload.from));
  else attributes.be32(NFTA_PAYLOAD_DREG, encodeRegister(payload.to));
  attributes.be32(NFTA_PAYLOAD_BASE, bases[payload.header]);
  attributes.be32(NFTA_PAYLOAD_OFFSET, payload.offsetBytes);
  attributes.be32(NFTA_PAYLOAD_LEN, payload.lengthBytes);
  if (!isWrite) return;
  attributes.be32(NFTA_PAYLOAD_CSUM_TYPE, NFT_PAYLOAD_CSUM_NONE);
  attributes.be32(NFTA_PAYLOAD_CSUM_FLAGS, NFT_PAYLOAD_L4CSUM_PSEUDOHDR);
}

export function decodePayload(attributes: Attributes): Payload | PayloadWrite | undefined {
  const header = headers.get(attributes.be32(NFTA_PAYLOAD_BASE) ?? -1);
  if (header === undefined) return undefined;
  const place = {
    kind: 'payload',
    offsetBytes: attributes.be32(NFTA_PAYLOAD_OFFSET) ?? 0,
    lengthBytes: attributes.be32(NFTA_PAYLOAD_LEN) ?? 0,
  } as const;
  const source = attributes.be32(NFTA_PAYLOAD_SREG);
  if (source === undefined) {
    return { ...place, header, to: decodeRegister(attributes.be32(NFTA_PAYLOAD_DREG)) };
  }
  const isOurs =
    attributes.be32(NFTA_PAYLOAD_CSUM_TYPE) === NFT_PAYLOAD_CSUM_NONE &&
    attributes.be32(NFTA_PAYLOAD_CSUM_FLAGS) === NFT_PAYLOAD_L4CSUM_PSEUDOHDR;
  if (header === 'link' || !isOurs) return undefined;
  return { ...place, header, from: decodeRegister(source) };
}
