// How a network's VXLAN should be, and what differs from it in the kernel. Pure.
import { familyOf } from '../../base/cidr.ts';
import { kernelHasIpv6 } from '../../kernel/ipv6-stack.ts';
import type { RequestStep } from '../../kernel/program.ts';
import { request } from '../../kernel/rtnetlink/client.ts';
import {
  changeLink,
  createLink,
  type Link,
  type LinkSettings,
  removeLink,
} from '../../kernel/rtnetlink/link.ts';
import { chooseLinkIndex } from '../../kernel/rtnetlink/link-index.ts';
import type { BridgePort, VxlanOptions } from '../../kernel/rtnetlink/link-info.ts';
import type { Network } from '../../model/network.ts';
import { ownAlias } from '../bridge/bridge-plan.ts';
import type { Underlay } from './underlay.ts';

export interface VxlanPlan {
  readonly name: string;
  readonly alias: string;
  readonly mtuBytes: number;
  readonly underlay: Underlay;
  readonly vxlan: VxlanOptions;
  readonly port: Required<Omit<BridgePort, 'locked' | 'forwardsReserved'>>;
  /** Undefined: whatever it is; a new one is up. */
  readonly up: boolean | undefined;
}

export interface VxlanFault {
  readonly problem: string;
  readonly mend: RequestStep;
}

/** IANA's for VXLAN. */
const defaultPort = 4789;

export function vxlanName({ id }: Pick<Network, 'id'>): string {
  return `vx-${id.slice(0, 10)}`;
}

/** Nothing is learned, and nothing leaves that is not for a known peer: what there is to know is told. */
export function vxlanPlan(network: Network, underlay: Underlay, up: boolean | undefined): VxlanPlan {
  const { id, options } = network;
  const floods = options['multicast'] === 'true';
  return {
    name: vxlanName(network),
    alias: `${ownAlias}${id}`,
    mtuBytes: Number(options['mtu']),
    underlay,
    vxlan: {
      id: Number(options['vni']),
      local: underlay.address,
      port: Number(options['vtep_port'] ?? defaultPort),
      learning: false,
      proxy: false,
      l2miss: false,
      l3miss: false,
    },
    port: {
      isolated: options['icc'] === 'false',
      hairpin: false,
      learning: false,
      unicastFlood: false,
      multicastFlood: floods,
      broadcastFlood: floods,
      suppressesNeighbours: true,
    },
    up,
  };
}

/** Faults in the order in which they are to be mended; `bridge` is the index of the network's. Without a plan there is to be none. */
export function compareVxlan(
  plan: VxlanPlan | undefined,
  link: Link | undefined,
  bridge: number,
): readonly VxlanFault[] {
  if (plan === undefined) {
    if (link === undefined) return [];
    const mend = request('host', removeLink({ index: link.index }));
    return [{ problem: 'is there, and this host has no address towards others', mend }];
  }
  if (link === undefined) return [{ problem: 'is missing', mend: make(plan, bridge) }];
  const other = otherTunnel(plan, link);
  if (other === undefined) return compareSettings(plan, link, bridge);
  const mend = request('host', removeLink({ index: link.index }));
  return [
    { problem: other, mend },
    { problem: 'has to be made anew', mend: make(plan, bridge) },
  ];
}

/** Up last, so that whoever sees it up sees it complete. */
function make(plan: VxlanPlan, bridge: number): RequestStep {
  const { name, alias, mtuBytes, underlay, vxlan, port, up = true } = plan;
  const index = chooseLinkIndex();
  return request(
    'host',
    createLink({ kind: 'vxlan', name, index, mac: underlay.mac, mtuBytes, master: bridge, vxlan }),
    changeLink({ index }, { alias, port, ...(kernelHasIpv6 && { linkLocal: false }) }),
    ...(up ? [changeLink({ index }, { up })] : []),
  );
}

/** What the kernel does not change of a VXLAN (vxlan_nl2conf() of drivers/net/vxlan/vxlan_core.c), or not between families. */
function otherTunnel({ vxlan }: VxlanPlan, { info }: Link): string | undefined {
  if (info.kind !== 'vxlan') return undefined;
  const { id, port, local, learning, proxy, l2miss, l3miss } = info.vxlan;
  if (id !== vxlan.id) return `has VXLAN id ${id}, not ${vxlan.id}`;
  if (port !== vxlan.port) return `has port ${port}, not ${vxlan.port}`;
  if (local !== vxlan.local) return `sends from ${local ?? 'any address'}, not ${vxlan.local}`;
  return learning || proxy || l2miss || l3miss ? 'learns or answers by itself' : undefined;
}

function compareSettings(plan: VxlanPlan, link: Link, bridge: number): readonly VxlanFault[] {
  const { alias, mtuBytes, underlay, port, up } = plan;
  const faults: VxlanFault[] = [];
  const change = (problem: string, wanted: LinkSettings) =>
    faults.push({ problem, mend: request('host', changeLink({ index: link.index }, wanted)) });
  if (up === false && link.up) change('is up while tunnels are closed', { up: false });
  if (link.alias !== alias) change('is not marked as ours', { alias });
  if (link.mac !== underlay.mac) {
    change(`has MAC address ${link.mac}, not ${underlay.mac}`, { mac: underlay.mac });
  }
  if (link.mtuBytes !== mtuBytes) change(`has MTU ${link.mtuBytes}, not ${mtuBytes}`, { mtuBytes });
  if (link.master !== bridge) {
    const messages = [
      changeLink({ index: link.index }, { master: bridge }),
      changeLink({ index: link.index }, { port }),
    ];
    faults.push({ problem: 'is no port of its bridge', mend: request('host', ...messages) });
  } else if (!isPort(port, link.port)) {
    change('is a port that learns, floods, answers or is isolated otherwise than it should be', { port });
  }
  if (up === true && !link.up) change('is down', { up: true });
  return faults;
}

function isPort(wanted: VxlanPlan['port'], there: Link['port']): boolean {
  const keys = Object.keys(wanted) as (keyof VxlanPlan['port'])[];
  return there !== undefined && keys.every((key) => there[key] === wanted[key]);
}

/** Whether a peer's tunnel end can be reached from ours: a VXLAN is of one family. */
export function isReachable(underlay: Underlay, { address }: Pick<Underlay, 'address'>): boolean {
  return familyOf(underlay.address) === familyOf(address);
}
