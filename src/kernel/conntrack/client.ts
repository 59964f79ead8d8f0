// Finding and deleting entries of the daemon's connection tracking table.
import { Attributes } from '../netlink/attribute.ts';
import { NetlinkError } from '../netlink/error.ts';
import {
  decodeMessage,
  encodeMessage,
  MessageBuilder,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_REQUEST,
} from '../netlink/message.ts';
import { headerBytes, writeHeader } from '../nftables/nfnetlink.ts';
import { dump, runReaper } from '../program.ts';
import { readSysctl } from '../sysctl.ts';
import {
  type ConntrackEntry,
  type ConntrackFilter,
  decodeEntry,
  encodeFilter,
  encodeHandle,
  matches,
} from './entry.ts';

const NFNL_SUBSYS_CTNETLINK = 1;
const IPCTNL_MSG_CT_GET = (NFNL_SUBSYS_CTNETLINK << 8) | 1;
const IPCTNL_MSG_CT_DELETE = (NFNL_SUBSYS_CTNETLINK << 8) | 2;
const AF_INET = 2;
const AF_INET6 = 10;

/**
 * The entries that match. The kernel walks its whole table, for milliseconds, but hands out no more than what matches.
 * Errors: NetlinkError.
 */
export async function listConntrack(filter: ConntrackFilter): Promise<readonly ConntrackEntry[]> {
  const message = encodeMessage(IPCTNL_MSG_CT_GET, NLM_F_REQUEST | NLM_F_DUMP, (out, attributes) => {
    writeHeader(out, familyNumber(filter.family));
    encodeFilter(attributes, filter);
  });
  return (await dump('netfilter', message, undefined, runReaper))
    .map((reply) => decodeEntry(new Attributes(decodeMessage(reply).payload.subarray(headerBytes))))
    .filter((entry) => entry !== undefined)
    .filter((entry) => matches(entry, filter));
}

/** How many entries there are. */
export async function countConntrack(): Promise<number> {
  return Number(await readSysctl('net/netfilter/nf_conntrack_count'));
}

/** Deletes these very entries; one that has ended by itself is fine. Errors: NetlinkError. */
export async function deleteConntrack(entries: readonly ConntrackEntry[]): Promise<void> {
  if (entries.length === 0) return;
  const builder = new MessageBuilder();
  for (const { handle } of entries) {
    builder.message(IPCTNL_MSG_CT_DELETE, NLM_F_REQUEST | NLM_F_ACK, (out, attributes) => {
      writeHeader(out, familyNumber(handle.family));
      encodeHandle(attributes, handle);
    });
  }
  try {
    await runReaper([{ socket: 'netfilter', message: builder.finish(), acks: entries.length }]);
  } catch (error) {
    // The kernel goes on with the messages after one it refuses, and tells of the first refusal.
    if (!(error instanceof NetlinkError && error.code === 'ENOENT')) throw error;
  }
}

function familyNumber(family: 4 | 6): number {
  return family === 4 ? AF_INET : AF_INET6;
}
