// The header that netfilter messages have after netlink's own, in nf_tables as in connection tracking.
import type { ByteWriter } from '../netlink/byte-writer.ts';
import { NFNL_SUBSYS_NFTABLES } from './constants.ts';

// struct nfgenmsg, include/uapi/linux/netfilter/nfnetlink.h
//   offset  size  field
//   0       1     nfgen_family  NFPROTO_*
//   1       1     version       NFNETLINK_V0
//   2       2     res_id        subsystem in batch messages, big-endian
const NFNETLINK_V0 = 0;
export const headerBytes = 4;

export function writeHeader(out: ByteWriter, family: number, resource = 0): void {
  out.u8(family);
  out.u8(NFNETLINK_V0);
  out.be16(resource);
}

/** The netlink type of an NFT_MSG_* message. */
export function messageType(message: number): number {
  return (NFNL_SUBSYS_NFTABLES << 8) | message;
}
