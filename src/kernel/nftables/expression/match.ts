// A match of iptables that nf_tables has no expression for, in the form iptables gave it.
import type { Attributes, AttributeWriter } from '../../netlink/attribute.ts';

export interface Match {
  readonly kind: 'match';
  /** As after `iptables -m`. */
  readonly name: string;
  readonly revision: number;
  /** What it asks for, in a layout of its own. */
  readonly info: Uint8Array;
}

const NFTA_MATCH_NAME = 1;
const NFTA_MATCH_REV = 2;
const NFTA_MATCH_INFO = 3;

export function encodeMatch(attributes: AttributeWriter, { name, revision, info }: Match): void {
  attributes.string(NFTA_MATCH_NAME, name);
  attributes.be32(NFTA_MATCH_REV, revision);
  attributes.bytes(NFTA_MATCH_INFO, info);
}

export function decodeMatch(attributes: Attributes): Match | undefined {
  const name = attributes.string(NFTA_MATCH_NAME);
  const info = attributes.bytes(NFTA_MATCH_INFO);
  if (name === undefined || info === undefined) return undefined;
  const revision = attributes.be32(NFTA_MATCH_REV) ?? 0;
  return { kind: 'match', name, revision, info: Uint8Array.from(info) };
}
