// VLANs that a port of a bridge belongs to.
import { Attributes, decodeAttributes } from '../netlink/attribute.ts';
import { littleEndian, viewOf } from '../netlink/byte-writer.ts';
import { encodeMessage, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST } from '../netlink/message.ts';
import * as k from './constants.ts';
import { ifinfomsgBytes, writeIfinfomsg } from './link.ts';

export interface PortVlan {
  /** 1 to 4094. */
  readonly id: number;
  /** Frames that come in without a tag belong to it; it takes that place from another one. */
  readonly pvid: boolean;
  /** Its frames leave without a tag. */
  readonly untagged: boolean;
}

export interface PortVlans {
  /** Index of the port, or of the bridge for its own memberships. */
  readonly link: number;
  readonly vlans: readonly PortVlan[];
}

const acknowledged = NLM_F_REQUEST | NLM_F_ACK;

/**
 * Adds memberships; of those that are there it changes the flags. Frames go by them as soon as the bridge has `vlanFiltering`.
 * Errors: ENOTSUP where the kernel's bridges have no VLANs (CONFIG_BRIDGE_VLAN_FILTERING) or the link is no port.
 */
export function addPortVlans({ link, vlans }: PortVlans): Uint8Array {
  return encodePortVlans(k.RTM_SETLINK, link, vlans);
}

/** What is absent is passed over, such as VLAN 1, which a port may begin with. Errors: ENOTSUP, as above. */
export function removePortVlans({ link, ids }: { link: number; ids: readonly number[] }): Uint8Array {
  return encodePortVlans(
    k.RTM_DELLINK,
    link,
    ids.map((id) => ({ id, pvid: false, untagged: false })),
  );
}

/** Asks for the memberships of all ports; to be sent as a dump. */
export function listPortVlans(): Uint8Array {
  return encodeMessage(k.RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, (struct, attributes) => {
    writeIfinfomsg(struct, { family: k.AF_BRIDGE });
    attributes.u32(k.IFLA_EXT_MASK, k.RTEXT_FILTER_BRVLAN);
  });
}

/** The payload of an RTM_NEWLINK of family AF_BRIDGE; undefined for another family's. */
export function decodePortVlans(payload: Uint8Array): PortVlans | undefined {
  if (payload[0] !== k.AF_BRIDGE) return undefined;
  const attributes = new Attributes(payload.subarray(ifinfomsgBytes));
  const families = attributes.bytes(k.IFLA_AF_SPEC) ?? new Uint8Array();
  const vlans = Array.from(decodeAttributes(families))
    .filter(({ type }) => type === k.IFLA_BRIDGE_VLAN_INFO)
    .map(({ value }) => decodeVlan(value));
  return { link: viewOf(payload).getInt32(4, littleEndian), vlans };
}

// struct bridge_vlan_info, include/uapi/linux/if_bridge.h
//   offset  size  field
//   0       2     flags    BRIDGE_VLAN_INFO_…
//   2       2     vid
function encodePortVlans(type: number, link: number, vlans: readonly PortVlan[]): Uint8Array {
  return encodeMessage(type, acknowledged, (struct, attributes) => {
    writeIfinfomsg(struct, { family: k.AF_BRIDGE, index: link });
    attributes.nested(k.IFLA_AF_SPEC, (bridge) => {
      for (const { id, pvid, untagged } of vlans) {
        bridge.struct(k.IFLA_BRIDGE_VLAN_INFO, (out) => {
          out.u16((pvid ? k.BRIDGE_VLAN_INFO_PVID : 0) | (untagged ? k.BRIDGE_VLAN_INFO_UNTAGGED : 0));
          out.u16(id);
        });
      }
    });
  });
}

function decodeVlan(value: Uint8Array): PortVlan {
  const struct = viewOf(value);
  const flags = struct.getUint16(0, littleEndian);
  return {
    id: struct.getUint16(2, littleEndian),
    pvid: (flags & k.BRIDGE_VLAN_INFO_PVID) !== 0,
    untagged: (flags & k.BRIDGE_VLAN_INFO_UNTAGGED) !== 0,
  };
}
