// Talking to nf_tables in the daemon's namespace: committing batches and reading back what is there.
import { Attributes, type AttributeWriter } from '../netlink/attribute.ts';
import { NetlinkError } from '../netlink/error.ts';
import { decodeMessage, encodeMessage, NLM_F_DUMP, NLM_F_REQUEST } from '../netlink/message.ts';
import { dump, runProgram } from '../program.ts';
import type { Batch } from './batch.ts';
import { decodeChain } from './chain.ts';
import {
  NFT_MSG_GETCHAIN,
  NFT_MSG_GETGEN,
  NFT_MSG_GETRULE,
  NFT_MSG_GETSET,
  NFT_MSG_GETSETELEM,
  NFT_MSG_GETTABLE,
  NFTA_TABLE_NAME,
} from './constants.ts';
import { decodeElements, type Element, encodeElements } from './element.ts';
import { portIdOf } from './events.ts';
import { headerBytes, messageType, writeHeader } from './nfnetlink.ts';
import { decodeRule } from './rule.ts';
import { decodeSet, encodeSetName } from './set.ts';
import { decodeTable, familyNumbers, type Table, type TableFamily } from './table.ts';

type WriteAttributes = (attributes: AttributeWriter) => void;

/** Makes all changes of a batch or none. Not to be called with an empty one. Errors: NetlinkError. */
export async function commit(batch: Batch): Promise<void> {
  await runProgram([{ socket: 'netfilter', message: batch.finish(), acks: 1 }]);
}

/** Port id of the socket that batches are sent by: how events tell our changes from others'. */
export async function ownPortId(): Promise<number> {
  const message = encodeMessage(messageType(NFT_MSG_GETGEN), NLM_F_REQUEST, (out) => writeHeader(out, 0));
  const [answer] = await runProgram([{ socket: 'netfilter', message, acks: 0 }]);
  const [reply] = answer?.messages ?? [];
  return reply === undefined ? 0 : portIdOf(reply);
}

/** Undefined when there is none. */
export async function getTable(name: string, family: TableFamily = 'inet'): Promise<Table | undefined> {
  const message = encodeMessage(messageType(NFT_MSG_GETTABLE), NLM_F_REQUEST, (out, attributes) => {
    writeHeader(out, familyNumbers[family]);
    attributes.string(NFTA_TABLE_NAME, name);
  });
  try {
    const [answer] = await runProgram([{ socket: 'netfilter', message, acks: 0 }]);
    const [reply] = answer?.messages ?? [];
    return reply === undefined ? undefined : decodeTable(attributesOf(reply));
  } catch (error) {
    if (error instanceof NetlinkError && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

export async function listChains(table: string, family: TableFamily = 'inet') {
  return (await listAllChains(family)).filter((chain) => chain.table === table);
}

/** The chains of all tables of a family. */
export async function listAllChains(family: TableFamily) {
  return (await dumpObjects(NFT_MSG_GETCHAIN, () => {}, family)).map(decodeChain);
}

/** The rules of all chains of a table, those of one chain in order. */
export async function listRules(table: string, family: TableFamily = 'inet') {
  const name: WriteAttributes = (attributes) => attributes.string(NFTA_TABLE_NAME, table);
  const rules = await dumpObjects(NFT_MSG_GETRULE, name, family);
  return rules.map(decodeRule);
}

export async function listSets(table: string, family: TableFamily = 'inet') {
  const name: WriteAttributes = (attributes) => encodeSetName(attributes, table);
  const sets = await dumpObjects(NFT_MSG_GETSET, name, family);
  return sets.map(decodeSet);
}

export async function listElements(
  table: string,
  set: string,
  family: TableFamily = 'inet',
): Promise<readonly Element[]> {
  const name: WriteAttributes = (attributes) => encodeElements(attributes, { table, set }, []);
  const lists = await dumpObjects(NFT_MSG_GETSETELEM, name, family);
  return lists.flatMap((list) => [...decodeElements(list)]);
}

/** What nfnetlink answers where there is no nf_tables at all (net/netfilter/nfnetlink.c). */
export function hasNoTables(error: unknown): boolean {
  return error instanceof NetlinkError && (error.code === 'EINVAL' || error.code === 'EPROTONOSUPPORT');
}

async function dumpObjects(
  message: number,
  write: WriteAttributes,
  family: TableFamily = 'inet',
): Promise<Attributes[]> {
  const flags = NLM_F_REQUEST | NLM_F_DUMP;
  const request = encodeMessage(messageType(message), flags, (out, attributes) => {
    writeHeader(out, familyNumbers[family]);
    write(attributes);
  });
  return (await dump('netfilter', request)).map(attributesOf);
}

function attributesOf(message: Uint8Array): Attributes {
  return new Attributes(decodeMessage(message).payload.subarray(headerBytes));
}
