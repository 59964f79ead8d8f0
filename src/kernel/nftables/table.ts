// Tables: what everything else of nf_tables belongs to.
import type { Attributes, AttributeWriter } from '../netlink/attribute.ts';
import { NFTA_TABLE_FLAGS, NFTA_TABLE_NAME } from './constants.ts';

export interface Table {
  readonly name: string;
  /** NFT_TABLE_F_* bits. */
  readonly flags: number;
}

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
