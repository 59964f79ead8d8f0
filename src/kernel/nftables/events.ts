// Announcements of changes to nf_tables: which table, and after each transaction who made it.
import { Attributes } from '../netlink/attribute.ts';
import { littleEndian } from '../netlink/byte-writer.ts';
import { decodeMessage } from '../netlink/message.ts';
import { NFT_MSG_NEWGEN, NFTA_GEN_PROC_NAME, NFTA_GEN_PROC_PID, NFTA_TABLE_NAME } from './constants.ts';
import { headerBytes, messageType } from './nfnetlink.ts';
import { familyNumbers, type TableFamily } from './table.ts';

export type NftEvent =
  /** Something in a table was added, changed or removed. */
  | { readonly family: TableFamily; readonly table: string }
  /** The end of a transaction, which the changes announced before belong to. */
  | { readonly program: string; readonly pid: number }
  | undefined;

/** The port id in a message's header: in answers the asker's, in announcements that of whoever made the change. */
export function portIdOf(message: Uint8Array): number {
  return new DataView(message.buffer, message.byteOffset, message.byteLength).getUint32(12, littleEndian);
}

const families = new Map(
  Object.entries(familyNumbers).map(([family, number]) => [number as number, family as TableFamily]),
);

/** Undefined for changes to tables of other families. */
export function decodeEvent(message: Uint8Array): NftEvent {
  const { type, payload } = decodeMessage(message);
  const attributes = new Attributes(payload.subarray(headerBytes));
  if (type === messageType(NFT_MSG_NEWGEN)) {
    return {
      program: attributes.string(NFTA_GEN_PROC_NAME) ?? 'unknown program',
      pid: attributes.be32(NFTA_GEN_PROC_PID) ?? 0,
    };
  }
  const family = families.get(payload[0] ?? 0);
  const table = attributes.string(NFTA_TABLE_NAME);
  return family === undefined || table === undefined ? undefined : { family, table };
}
