// Sets and maps: keys a rule looks up, in maps with a value or a verdict for each.
import type { Attributes, AttributeWriter } from '../netlink/attribute.ts';
import { littleEndian } from '../netlink/byte-writer.ts';
import {
  NFT_DATA_VERDICT,
  NFT_SET_CONCAT,
  NFT_SET_INTERVAL,
  NFT_SET_MAP,
  NFTA_LIST_ELEM,
  NFTA_SET_DATA_LEN,
  NFTA_SET_DATA_TYPE,
  NFTA_SET_DESC,
  NFTA_SET_DESC_CONCAT,
  NFTA_SET_FIELD_LEN,
  NFTA_SET_FLAGS,
  NFTA_SET_ID,
  NFTA_SET_KEY_LEN,
  NFTA_SET_KEY_TYPE,
  NFTA_SET_NAME,
  NFTA_SET_TABLE,
  NFTA_SET_USERDATA,
} from './constants.ts';

/** A field of a key or value, by nft's name for its type. Several make a concatenation. */
export type FieldType = 'ipv4_addr' | 'ipv6_addr' | 'ether_addr' | 'inet_proto' | 'inet_service' | 'ifname';

export interface NftSet {
  readonly name: string;
  readonly key: readonly FieldType[];
  /** Absent for plain sets. */
  readonly data?: readonly FieldType[] | 'verdict';
  /** Elements may stand for all keys from one to another, see `intervalElements`. */
  readonly interval?: true;
}

/** The numbers mean nothing to the kernel; nft(8) reads them to print elements (enum datatypes of its sources). */
const fields: Readonly<Record<FieldType, { readonly number: number; readonly bytes: number }>> = {
  ipv4_addr: { number: 7, bytes: 4 },
  ipv6_addr: { number: 8, bytes: 16 },
  ether_addr: { number: 9, bytes: 6 },
  inet_proto: { number: 12, bytes: 1 },
  inet_service: { number: 13, bytes: 2 },
  ifname: { number: 41, bytes: 16 },
};
/** Bits of one field's number in the number of a concatenation. */
const concatenationBits = 6;
// Userdata is nft(8)'s own, the kernel only keeps it: type 0 (byte order of the key), length 4, value 1 (the machine's) in that order.
// Without it nft takes names for big-endian numbers and prints nothing.
const hostByteOrder = Uint8Array.of(0, 4, ...(littleEndian ? [1, 0, 0, 0] : [0, 0, 0, 1]));
/** sizeof(struct nft_verdict): a code and a pointer. */
const verdictBytes = 16;

/** @param id names the set to later messages of the same batch; any number but one of another set in it. */
export function encodeSet(attributes: AttributeWriter, table: string, set: NftSet, id: number): void {
  attributes.string(NFTA_SET_TABLE, table);
  attributes.string(NFTA_SET_NAME, set.name);
  attributes.be32(NFTA_SET_FLAGS, flagsOf(set));
  attributes.be32(NFTA_SET_KEY_TYPE, typeNumber(set.key));
  attributes.be32(NFTA_SET_KEY_LEN, byteLength(set.key));
  if (set.data !== undefined) {
    attributes.be32(NFTA_SET_DATA_TYPE, dataType(set.data));
    attributes.be32(NFTA_SET_DATA_LEN, dataLength(set.data));
  }
  if (isConcatenatedInterval(set)) encodeFields(attributes, set.key);
  attributes.be32(NFTA_SET_ID, id);
  if (set.key[0] === 'ifname') attributes.bytes(NFTA_SET_USERDATA, hostByteOrder);
}

export function encodeSetName(attributes: AttributeWriter, table: string, name?: string): void {
  attributes.string(NFTA_SET_TABLE, table);
  if (name !== undefined) attributes.string(NFTA_SET_NAME, name);
}

/** A set as the kernel shows it; `form` as of `setForm`. */
export function decodeSet(attributes: Attributes): { readonly name: string; readonly form: string } {
  const numbers = [NFTA_SET_FLAGS, NFTA_SET_KEY_LEN, NFTA_SET_DATA_TYPE, NFTA_SET_DATA_LEN].map(
    (attribute) => attributes.be32(attribute) ?? 0,
  );
  return { name: attributes.string(NFTA_SET_NAME) ?? '', form: numbers.join(' ') };
}

/** What distinguishes sets for the kernel, apart from names: flags, key length, data type and length. */
export function setForm(set: NftSet): string {
  if (set.data === undefined) return [flagsOf(set), byteLength(set.key), 0, 0].join(' ');
  return [flagsOf(set), byteLength(set.key), dataType(set.data), dataLength(set.data)].join(' ');
}

function flagsOf(set: NftSet): number {
  const map = set.data === undefined ? 0 : NFT_SET_MAP;
  const interval = set.interval === true ? NFT_SET_INTERVAL : 0;
  return map | interval | (isConcatenatedInterval(set) ? NFT_SET_CONCAT : 0);
}

function isConcatenatedInterval({ key, interval }: NftSet): boolean {
  return interval === true && key.length > 1;
}

/** Where the fields of a key begin and end, which matters to the kernel only where each is an interval of its own. */
function encodeFields(attributes: AttributeWriter, key: readonly FieldType[]): void {
  attributes.nested(NFTA_SET_DESC, () => {
    attributes.nested(NFTA_SET_DESC_CONCAT, () => {
      for (const type of key) {
        attributes.nested(NFTA_LIST_ELEM, () => attributes.be32(NFTA_SET_FIELD_LEN, fields[type].bytes));
      }
    });
  });
}

function dataType(data: NonNullable<NftSet['data']>): number {
  return data === 'verdict' ? NFT_DATA_VERDICT : typeNumber(data);
}

function dataLength(data: NonNullable<NftSet['data']>): number {
  return data === 'verdict' ? verdictBytes : byteLength(data);
}

/** Fields of a concatenation start at multiples of four bytes. */
function byteLength(types: readonly FieldType[]): number {
  const [only] = types;
  if (types.length === 1 && only !== undefined) return fields[only].bytes;
  return types.reduce((sum, type) => sum + ((fields[type].bytes + 3) & ~3), 0);
}

function typeNumber(types: readonly FieldType[]): number {
  return types.reduce((number, type) => (number << concatenationBits) | fields[type].number, 0);
}
