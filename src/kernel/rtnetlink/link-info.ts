// What is particular to one kind of link: the inside of IFLA_LINKINFO, in both directions.
import { fromBytes, type IpAddress, toBytes } from '../../base/cidr.ts';
import type { Attributes, AttributeWriter } from '../netlink/attribute.ts';
import * as k from './constants.ts';

export type MacvlanMode = 'bridge' | 'private' | 'vepa' | 'passthru';

export interface BridgeOptions {
  readonly multicastSnooping?: boolean;
  readonly vlanFiltering?: boolean;
  /** In hundredths of a second; 0 lets a port forward as soon as it is up. */
  readonly forwardDelay?: number;
}

/** How a bridge treats one of its ports. */
export interface BridgePort {
  /** Exchanges frames with the bridge itself and with ports that are not isolated. */
  readonly isolated: boolean;
  /** Frames may leave by the port they came in by. */
  readonly hairpin: boolean;
  /** Takes only frames whose source address has an FDB entry at this port, see `setPortFdbEntry`. Left as it is when absent. */
  readonly locked?: boolean;
  /** Makes FDB entries of the source addresses of frames. Left as it is when absent. */
  readonly learning?: boolean;
  /**
   * Frames to 01:80:c2:00:00:00 to 0f, which are for the other end of the cable alone, take the way of all others, but those to
   * 01. Without it they reach the port itself by a way of their own. Left as it is when absent.
   */
  readonly forwardsReserved?: boolean;
  /** Frames for hardware addresses that have no FDB entry leave by the port. Left as it is when absent, as the next two. */
  readonly unicastFlood?: boolean;
  /** The next two hold for what other ports send; what the bridge itself sends to groups and to all leaves by every port. */
  readonly multicastFlood?: boolean;
  readonly broadcastFlood?: boolean;
  /**
   * Who asks for an address that has a neighbour entry on the bridge, and an FDB entry at this port, is answered by the bridge; the
   * question does not leave by the port. Left as it is when absent.
   */
  readonly suppressesNeighbours?: boolean;
}

export interface VxlanOptions {
  /** The VXLAN id (VNI). */
  readonly id: number;
  readonly local?: IpAddress;
  readonly port: number;
  readonly learning: boolean;
  /** Answers ARP and neighbour solicitations from its own table. */
  readonly proxy: boolean;
  readonly l2miss: boolean;
  readonly l3miss: boolean;
}

/** The kind of a link with its own settings, as the kernel tells them. */
export type LinkInfo =
  | { readonly kind: 'bridge'; readonly bridge: BridgeOptions }
  | { readonly kind: 'macvlan'; readonly mode: MacvlanMode }
  | { readonly kind: 'vxlan'; readonly vxlan: VxlanOptions }
  /** Any other kind by the kernel's name for it (`veth`, `vlan`, …); physical links have none. */
  | { readonly kind: 'other'; readonly name: string | undefined };

const macvlanModes: Readonly<Record<MacvlanMode, number>> = {
  private: k.MACVLAN_MODE_PRIVATE,
  vepa: k.MACVLAN_MODE_VEPA,
  bridge: k.MACVLAN_MODE_BRIDGE,
  passthru: k.MACVLAN_MODE_PASSTHRU,
};

/** A bit for each address but 01, pauses, which no bridge passes on (BR_GROUPFWD_MACPAUSE of net/bridge/br_private.h). */
const allReserved = 0xfffd;

/** IFLA_INFO_DATA of a bridge. */
export function encodeBridge(data: AttributeWriter, options: BridgeOptions): void {
  const { forwardDelay, multicastSnooping, vlanFiltering } = options;
  if (forwardDelay !== undefined) data.u32(k.IFLA_BR_FORWARD_DELAY, forwardDelay);
  if (vlanFiltering !== undefined) data.u8(k.IFLA_BR_VLAN_FILTERING, Number(vlanFiltering));
  if (multicastSnooping !== undefined) data.u8(k.IFLA_BR_MCAST_SNOOPING, Number(multicastSnooping));
}

/** IFLA_INFO_SLAVE_DATA of a bridge port. */
export function encodeBridgePort(data: AttributeWriter, port: BridgePort): void {
  data.u8(k.IFLA_BRPORT_ISOLATED, Number(port.isolated));
  data.u8(k.IFLA_BRPORT_MODE, Number(port.hairpin));
  if (port.locked !== undefined) data.u8(k.IFLA_BRPORT_LOCKED, Number(port.locked));
  if (port.learning !== undefined) data.u8(k.IFLA_BRPORT_LEARNING, Number(port.learning));
  if (port.forwardsReserved !== undefined) {
    data.u16(k.IFLA_BRPORT_GROUP_FWD_MASK, port.forwardsReserved ? allReserved : 0);
  }
  if (port.unicastFlood !== undefined) data.u8(k.IFLA_BRPORT_UNICAST_FLOOD, Number(port.unicastFlood));
  if (port.multicastFlood !== undefined) data.u8(k.IFLA_BRPORT_MCAST_FLOOD, Number(port.multicastFlood));
  if (port.broadcastFlood !== undefined) data.u8(k.IFLA_BRPORT_BCAST_FLOOD, Number(port.broadcastFlood));
  if (port.suppressesNeighbours !== undefined) {
    data.u8(k.IFLA_BRPORT_NEIGH_SUPPRESS, Number(port.suppressesNeighbours));
  }
}

/** IFLA_INFO_DATA of a macvlan. */
export function encodeMacvlan(data: AttributeWriter, mode: MacvlanMode): void {
  data.u32(k.IFLA_MACVLAN_MODE, macvlanModes[mode]);
}

/** IFLA_INFO_DATA of a VXLAN. */
export function encodeVxlan(data: AttributeWriter, options: VxlanOptions): void {
  data.u8(k.IFLA_VXLAN_PROXY, Number(options.proxy));
  data.u8(k.IFLA_VXLAN_L2MISS, Number(options.l2miss));
  data.u8(k.IFLA_VXLAN_L3MISS, Number(options.l3miss));
  data.u32(k.IFLA_VXLAN_ID, options.id);
  if (options.local !== undefined) {
    const bytes = toBytes(options.local);
    data.bytes(bytes.length === 4 ? k.IFLA_VXLAN_LOCAL : k.IFLA_VXLAN_LOCAL6, bytes);
  }
  data.u8(k.IFLA_VXLAN_LEARNING, Number(options.learning));
  data.be16(k.IFLA_VXLAN_PORT, options.port);
}

/** The inside of IFLA_LINKINFO. */
export function decodeLinkInfo(info: Attributes | undefined): LinkInfo {
  const name = info?.string(k.IFLA_INFO_KIND);
  const data = info?.nested(k.IFLA_INFO_DATA);
  if (data === undefined) return { kind: 'other', name };
  if (name === 'bridge') return { kind: 'bridge', bridge: decodeBridge(data) };
  if (name === 'macvlan') return { kind: 'macvlan', mode: decodeMacvlanMode(data) };
  if (name === 'vxlan') return { kind: 'vxlan', vxlan: decodeVxlan(data) };
  return { kind: 'other', name };
}

/** The port's settings, when the link is a port of a bridge. */
export function decodeBridgePort(info: Attributes | undefined): Required<BridgePort> | undefined {
  if (info?.string(k.IFLA_INFO_SLAVE_KIND) !== 'bridge') return undefined;
  const data = info.nested(k.IFLA_INFO_SLAVE_DATA);
  return {
    isolated: data?.u8(k.IFLA_BRPORT_ISOLATED) === 1,
    hairpin: data?.u8(k.IFLA_BRPORT_MODE) === 1,
    locked: data?.u8(k.IFLA_BRPORT_LOCKED) === 1,
    learning: data?.u8(k.IFLA_BRPORT_LEARNING) === 1,
    forwardsReserved: data?.u16(k.IFLA_BRPORT_GROUP_FWD_MASK) === allReserved,
    unicastFlood: data?.u8(k.IFLA_BRPORT_UNICAST_FLOOD) === 1,
    multicastFlood: data?.u8(k.IFLA_BRPORT_MCAST_FLOOD) === 1,
    broadcastFlood: data?.u8(k.IFLA_BRPORT_BCAST_FLOOD) === 1,
    suppressesNeighbours: data?.u8(k.IFLA_BRPORT_NEIGH_SUPPRESS) === 1,
  };
}

function decodeBridge(data: Attributes): BridgeOptions {
  return {
    multicastSnooping: data.u8(k.IFLA_BR_MCAST_SNOOPING) === 1,
    vlanFiltering: data.u8(k.IFLA_BR_VLAN_FILTERING) === 1,
    forwardDelay: data.u32(k.IFLA_BR_FORWARD_DELAY) ?? 0,
  };
}

function decodeMacvlanMode(data: Attributes): MacvlanMode {
  const number = data.u32(k.IFLA_MACVLAN_MODE);
  const modes = Object.keys(macvlanModes) as MacvlanMode[];
  return modes.find((mode) => macvlanModes[mode] === number) ?? 'bridge';
}

function decodeVxlan(data: Attributes): VxlanOptions {
  const local = data.bytes(k.IFLA_VXLAN_LOCAL) ?? data.bytes(k.IFLA_VXLAN_LOCAL6);
  return {
    id: data.u32(k.IFLA_VXLAN_ID) ?? 0,
    ...(local !== undefined && { local: fromBytes(local) }),
    port: data.be16(k.IFLA_VXLAN_PORT) ?? 0,
    learning: data.u8(k.IFLA_VXLAN_LEARNING) === 1,
    proxy: data.u8(k.IFLA_VXLAN_PROXY) === 1,
    l2miss: data.u8(k.IFLA_VXLAN_L2MISS) === 1,
    l3miss: data.u8(k.IFLA_VXLAN_L3MISS) === 1,
  };
}
