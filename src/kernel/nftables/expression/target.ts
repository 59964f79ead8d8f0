// A target of iptables that nf_tables has no expression for, in the form iptables gave it.
import type { Attributes, AttributeWriter } from '../../netlink/attribute.ts';

export interface Target {
  readonly kind: 'target';
  /** As after `iptables -j`. */
  readonly name: string;
  readonly revision: number;
  /** What it is to do, in a layout of its own. */
  readonly info: Uint8Array;
}

const NFTA_TARGET_NAME = 1;
const NFTA_TARGET_REV = 2;
const NFTA_TARGET_INFO = 3;

export function encodeTarget(attributes: AttributeWriter, { name, revision, info }: Target): void {
  attributes.string(NFTA_TARGET_NAME, name);
  attributes.be32(NFTA_TARGET_REV, revision);
  attributes.bytes(NFTA_TARGET_INFO, info);
}

export function decodeTarget(attributes: Attributes): Target | undefined {
  const name = attributes.string(NFTA_TARGET_NAME);
  const info = attributes.bytes(NFTA_TARGET_INFO);
  if (name === undefined || info === undefined) return undefined;
  const revision = attributes.be32(NFTA_TARGET_REV) ?? 0;
  return { kind: 'target', name, revision, info: Uint8Array.from(info) };
}
