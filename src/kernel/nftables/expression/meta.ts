// Loads what the kernel knows of a packet besides its bytes: its interfaces and protocols.
import type { Attributes, AttributeWriter } from '../../netlink/attribute.ts';
import { decodeRegister, encodeRegister, type Register } from './register.ts';

export interface Meta {
  readonly kind: 'meta';
  readonly key: 'protocol' | 'iifname' | 'oifname' | 'nfproto' | 'l4proto';
  readonly to: Register;
}

const NFTA_META_DREG = 1;
const NFTA_META_KEY = 2;
const keys = { protocol: 1, iifname: 6, oifname: 7, nfproto: 15, l4proto: 16 } as const;
const names = new Map(Object.entries(keys).map(([name, key]) => [key as number, name as Meta['key']]));

export function encodeMeta(attributes: AttributeWriter, meta: Meta): void {
  attributes.be32(NFTA_META_KEY, keys[meta.key]);
  attributes.be32(NFTA_META_DREG, encodeRegister(meta.to));
}

export function decodeMeta(attributes: Attributes): Meta | undefined {
  const key = names.get(attributes.be32(NFTA_META_KEY) ?? -1);
  if (key === undefined) return undefined;
  return { kind: 'meta', key, to: decodeRegister(attributes.be32(NFTA_META_DREG)) };
}
