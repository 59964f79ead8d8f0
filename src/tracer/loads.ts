// What `meta` and `ct` load of a packet that is only thought of. Pure.
import { toBytes } from '../base/cidr.ts';
import { littleEndian } from '../kernel/netlink/byte-writer.ts';
import { type Ct, ctKeys } from '../kernel/nftables/expression/ct.ts';
import type { Meta } from '../kernel/nftables/expression/meta.ts';
import {
  familyOfPacket,
  knownBytes,
  type Packet,
  PartlyKnown,
  type Position,
  protocolNumber,
} from './packet.ts';

const unknown = new PartlyKnown(16);
const NFPROTO = { 4: 2, 6: 10 } as const;
const etherType = { 4: [0x08, 0x00], 6: [0x86, 0xdd] } as const;

/** Keys by name, as far as the codec of rules knows them. */
export function loadNamedMeta(key: Meta['key'], packet: Packet, position: Position): PartlyKnown {
  const number = (
    { protocol: 1, iifname: 6, oifname: 7, nfproto: 15, l4proto: 16 } as Readonly<Record<string, number>>
  )[key];
  return number === undefined ? unknown : loadMeta(number, packet, position);
}

/** Keys of enum nft_meta_keys, include/uapi/linux/netfilter/nf_tables.h. */
export function loadMeta(key: number, packet: Packet, { iif, oif }: Position): PartlyKnown {
  switch (key) {
    case 1: // NFT_META_PROTOCOL
      return knownBytes(etherType[familyOfPacket(packet)]);
    case 3: // NFT_META_MARK
      return word(0);
    case 4: // NFT_META_IIF
      return word(iif?.index ?? 0);
    case 5: // NFT_META_OIF
      return word(oif?.index ?? 0);
    case 6: // NFT_META_IIFNAME
      return name(iif?.name);
    case 7: // NFT_META_OIFNAME
      return name(oif?.name);
    case 15: // NFT_META_NFPROTO
      return knownBytes([NFPROTO[familyOfPacket(packet)]]);
    case 16: // NFT_META_L4PROTO
      return knownBytes([protocolNumber(packet)]);
    case 19: // NFT_META_PKTTYPE
      return knownBytes([0]);
    default:
      return unknown;
  }
}

/** As `loadNamedMeta`. */
export function loadNamedCt(key: Ct['key'], packet: Packet): PartlyKnown {
  const isOriginal = key === 'original ip daddr' || key === 'original ip6 daddr';
  return isOriginal ? knownBytes(toBytes(packet.asked)) : loadCt(ctKeys[key], packet);
}

const IPS_SRC_NAT = 0x10;
const IPS_DST_NAT = 0x20;

/** Keys of enum nft_ct_keys, in the same file. */
export function loadCt(key: number, packet: Packet): PartlyKnown {
  const { source, destination } = packet.translated;
  switch (key) {
    case 0: // NFT_CT_STATE, bits of NF_CT_STATE_BIT
      return word(packet.state === 'new' ? 8 : 2);
    case 1: // NFT_CT_DIRECTION
      return knownBytes([packet.state === 'new' ? 0 : 1]);
    case 2: // NFT_CT_STATUS
      return word((source ? IPS_SRC_NAT : 0) | (destination ? IPS_DST_NAT : 0));
    case 3: // NFT_CT_MARK
      return word(0);
    default:
      return unknown;
  }
}

/** IFNAMSIZ bytes; without an interface the kernel leaves zeros. */
function name(text = ''): PartlyKnown {
  const bytes = new Uint8Array(16);
  bytes.set(Buffer.from(text).subarray(0, 16));
  return knownBytes(bytes);
}

function word(value: number): PartlyKnown {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, littleEndian);
  return knownBytes(bytes);
}
