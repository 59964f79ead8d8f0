// How a network's bridge should be, and what differs from it in the kernel. Pure.
import { type InterfaceAddress, prefixOf, toInterfaceAddress } from '../../base/cidr.ts';
import type { MacAddress } from '../../base/mac.ts';
import { kernelHasIpv6 } from '../../kernel/ipv6-stack.ts';
import type { Step, SysctlStep } from '../../kernel/program.ts';
import { addAddress } from '../../kernel/rtnetlink/address.ts';
import { request } from '../../kernel/rtnetlink/client.ts';
import { changeLink, createLink, type Link, type LinkSettings } from '../../kernel/rtnetlink/link.ts';
import type { BridgeOptions } from '../../kernel/rtnetlink/link-info.ts';
import { gatewayMode, hostGateways } from '../../model/gateway.ts';
import type { Network } from '../../model/network.ts';
import { macOf } from '../endpoint-interface.ts';
import { routeLocalnet } from '../route-localnet.ts';

export interface BridgePlan {
  readonly name: string;
  /** Marks a bridge as made for this network; one without it was there before, is only used, and stays. */
  readonly alias: string;
  /** A bridge with a given MAC address keeps it; without, it takes that of one of its ports, and changes it with them. */
  readonly mac: MacAddress;
  readonly mtuBytes: number;
  /** The host's own addresses on it, the gateways. */
  readonly addresses: readonly InterfaceAddress[];
  /** The host speaks IPv6 on it. */
  readonly ipv6: boolean;
  /** Packets pass between it and other interfaces. */
  readonly forwards: boolean;
  /** It takes in frames for any hardware address. */
  readonly promiscuous: boolean;
  /** A name the user gave may be that of a bridge which is there. */
  readonly mayBeForeign: boolean;
  /** What the network cannot do without. */
  readonly needs: readonly SysctlStep[];
  /** What keeps the host from picking up more than it should; for bridges of our own. */
  readonly guards: readonly SysctlStep[];
}

export interface ObservedBridge {
  readonly link: Link;
  readonly addresses: readonly InterfaceAddress[];
  /** Values by path. */
  readonly sysctls: ReadonlyMap<string, string>;
  /** The host's own switch is on, which when it is turned turns every interface's. */
  readonly hostForwards: boolean;
}

export interface BridgeFault {
  readonly problem: string;
  readonly mend: readonly Step[];
}

/** Without snooping no port's multicast reports are kept and sent on, which grows with the ports; without a delay a new port works at once. */
const settings: BridgeOptions = { forwardDelay: 0, multicastSnooping: false };

/** Then comes the network's id. */
export const ownAlias = 'fairlead network ';

export function defaultBridgeName(networkId: string): string {
  return `fl-${networkId.slice(0, 10)}`;
}

export function bridgeName({ id, options }: Pick<Network, 'id' | 'options'>): string {
  return options['bridge'] ?? defaultBridgeName(id);
}

export function bridgePlan(network: Network): BridgePlan {
  const { id, options, internal } = network;
  const name = bridgeName(network);
  const answers = gatewayMode(network, 4) !== 'isolated';
  const ipv6 = network.ipv6 && gatewayMode(network, 6) !== 'isolated';
  return {
    name,
    alias: `${ownAlias}${id}`,
    mac: macOf(id),
    mtuBytes: Number(options['mtu']),
    addresses: hostGateways(network).map(({ gateway, subnet }) =>
      toInterfaceAddress(gateway, prefixOf(subnet)),
    ),
    ipv6,
    forwards: !internal,
    promiscuous: options['promiscuous'] === 'true',
    mayBeForeign: name !== defaultBridgeName(id),
    needs: neededSysctls(name, { answers, ipv6, forwards: !internal }),
    guards: guardSysctls(name, { answers, ipv6 }),
  };
}

/** Its MAC address, which follows from the network's id, is there from the first moment; the alias comes a message later. */
export function isMadeFor(plan: BridgePlan, link: Link): boolean {
  return link.alias === plan.alias || (link.alias === undefined && link.mac === plan.mac);
}

/** One program: whoever sees the bridge up sees it complete, with the ports that are made in the middle of it. */
export function createSteps(plan: BridgePlan, index: number, ports: readonly Step[] = []): readonly Step[] {
  const { name, mac, mtuBytes, alias, addresses, ipv6, promiscuous } = plan;
  return [
    request('host', createLink({ kind: 'bridge', bridge: settings, name, index, mac })),
    // Only an MTU it is given later stays (since 4.17, br_mtu_auto_adjust() of net/bridge/br_if.c); one it is made with is gone
    // with its last port.
    request('host', changeLink({ index }, { alias, mtuBytes, ...(kernelHasIpv6 && { linkLocal: ipv6 }) })),
    ...plan.guards,
    ...plan.needs,
    ...ports,
    request(
      'host',
      ...addresses.map((address) => addAddress({ link: index, address })),
      changeLink({ index }, { up: true, ...(promiscuous && { promiscuous }) }),
    ),
  ];
}

/** Faults in the order in which they are to be mended. A bridge that is not ours is only given what the network cannot do without. */
export function compareBridge(plan: BridgePlan, observed: ObservedBridge): readonly BridgeFault[] {
  const { link } = observed;
  const foreign = plan.mayBeForeign && !isMadeFor(plan, link);
  const faults = foreign ? [] : compareOwn(plan, link);
  for (const step of foreign ? plan.needs : [...plan.guards, ...plan.needs]) {
    const value = observed.sysctls.get(step.sysctl);
    if (value === step.value || (step.sysctl === forwarding(plan.name) && !observed.hostForwards)) continue;
    faults.push({ problem: `has ${step.sysctl} = ${value}, not ${step.value}`, mend: [step] });
  }
  for (const address of plan.addresses) {
    if (observed.addresses.includes(address)) continue;
    const mend = [request('host', addAddress({ link: link.index, address }))];
    faults.push({ problem: `lacks address ${address}`, mend });
  }
  const change = (problem: string, wanted: LinkSettings) =>
    faults.push({ problem, mend: [request('host', changeLink({ index: link.index }, wanted))] });
  if (plan.promiscuous && !link.promiscuous) change('is not promiscuous', { promiscuous: true });
  if (!link.up) change('is down', { up: true });
  return faults;
}

function compareOwn(plan: BridgePlan, link: Link): BridgeFault[] {
  const change = (problem: string, wanted: LinkSettings): BridgeFault => ({
    problem,
    mend: [request('host', changeLink({ index: link.index }, wanted))],
  });
  const faults: BridgeFault[] = [];
  if (link.alias !== plan.alias) faults.push(change('is not marked as ours', { alias: plan.alias }));
  if (link.mac !== plan.mac)
    faults.push(change(`has MAC address ${link.mac}, not ${plan.mac}`, { mac: plan.mac }));
  if (link.mtuBytes !== plan.mtuBytes) {
    faults.push(change(`has MTU ${link.mtuBytes}, not ${plan.mtuBytes}`, { mtuBytes: plan.mtuBytes }));
  }
  const bridge = link.info.kind === 'bridge' ? link.info.bridge : {};
  if (bridge.multicastSnooping !== false || bridge.forwardDelay !== 0) {
    faults.push(change('has multicast snooping or a forward delay', { bridge: settings }));
  }
  return faults;
}

function forwarding(name: string): string {
  return `net/ipv4/conf/${name}/forwarding`;
}

/** Only of the bridge itself. */
function neededSysctls(
  name: string,
  { answers, ipv6, forwards }: Pick<BridgePlan, 'ipv6' | 'forwards'> & Answering,
): readonly SysctlStep[] {
  return [
    ...(answers ? [step(routeLocalnet(name), '1')] : []),
    ...(forwards ? [step(forwarding(name), '1')] : []),
    ...(ipv6 ? [step(`net/ipv6/conf/${name}/disable_ipv6`, '0')] : []),
  ];
}

/**
 * No sandbox is to give the host a route; where the host speaks no IPv6 it gets no IPv6 neighbours. Without an address on the
 * bridge the host would still answer ARP for its other ones: arp_ignore 8 is for none (Documentation/networking/ip-sysctl.rst).
 */
function guardSysctls(
  name: string,
  { answers, ipv6 }: Pick<BridgePlan, 'ipv6'> & Answering,
): readonly SysctlStep[] {
  const quiet = answers ? [] : [step(`net/ipv4/conf/${name}/arp_ignore`, '8')];
  if (ipv6) return [...quiet, step(`net/ipv6/conf/${name}/accept_ra`, '0')];
  return kernelHasIpv6 ? [...quiet, step(`net/ipv6/conf/${name}/disable_ipv6`, '1')] : quiet;
}

interface Answering {
  /** The host has something to do with IPv4 on it. */
  readonly answers: boolean;
}

function step(sysctl: string, value: string): SysctlStep {
  return { sysctl, value, in: 'host' };
}
