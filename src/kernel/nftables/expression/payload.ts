// Loads bytes of a packet's header into a register.
import type { Attributes, AttributeWriter } from '../../netlink/attribute.ts';
import { decodeRegister, encodeRegister, type Register } from './register.ts';

export interface Payload {
  readonly kind: 'payload';
  readonly header: 'link' | 'network' | 'transport';
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly to: Register;
}

const NFTA_PAYLOAD_DREG = 1;
const NFTA_PAYLOAD_BASE = 2;
const NFTA_PAYLOAD_OFFSET = 3;
const NFTA_PAYLOAD_LEN = 4;
const bases = { link: 0, network: 1, transport: 2 } as const;
const headers = new Map(
  Object.entries(bases).map(([name, base]) => [base as number, name as Payload['header']]),
);

export function encodePayload(attributes: AttributeWriter, payload: Payload): void {
  attributes.be32(NFTA_PAYLOAD_DREG, encodeRegister(payload.to));
  attributes.be32(NFTA_PAYLOAD_BASE, bases[payload.header]);
  attributes.be32(NFTA_PAYLOAD_OFFSET, payload.offsetBytes);
  attributes.be32(NFTA_PAYLOAD_LEN, payload.lengthBytes);
}

export function decodePayload(attributes: Attributes): Payload | undefined {
  const header = headers.get(attributes.be32(NFTA_PAYLOAD_BASE) ?? -1);
  if (header === undefined) return undefined;
  return {
    kind: 'payload',
    header,
    offsetBytes: attributes.be32(NFTA_PAYLOAD_OFFSET) ?? 0,
    lengthBytes: attributes.be32(NFTA_PAYLOAD_LEN) ?? 0,
    to: decodeRegister(attributes.be32(NFTA_PAYLOAD_DREG)),
  };
}
