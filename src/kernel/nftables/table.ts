// Tables: what everything else of nf_tables belongs to.
import type { Attributes, AttributeWriter } from '../netlink/attribute.ts';
import {
  NFPROTO_BRIDGE,
  NFPROTO_INET,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
  NFTA_TABLE_FLAGS,
  NFTA_TABLE_NAME,
} from './constants.ts';

/** Which packets a table sees. Each family has its own tables, which may have the same names. */
export type TableFamily = keyof typeof familyNumbers;

export interface Table {
  readonly name: string;
  /** NFT_TABLE_F_* bits. */
  readonly flags: number;
}

export const familyNumbers = {
  inet: NFPROTO_INET,
  ip: NFPROTO_IPV4,
  ip6: NFPROTO_IPV6,
  bridge: NFPROTO_BRIDGE,
} as const;

export function encodeTable(attributes: AttributeWriter, table: Table): void {
  attributes.string(NFTA_TABLE_NAME, table.name);
  attributes.be32(NFTA_TABLE_FLAGS, table.flags);
}

export function decodeTable(attributes: Attributes): Table {
  return {
    name: attributes.string(NFTA_TABLE_NAME) ?? '',
    flags: attributes.be32(NFTA_TABLE_FLAGS) ?? 0,
  };
}
