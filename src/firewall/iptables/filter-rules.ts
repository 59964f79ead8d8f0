// The table `filter`: which forwarded packets pass. Pure.
import type { IpFamily } from '../../base/cidr.ts';
import type { NetworkId } from '../../model/ids.ts';
import type { AllowancePolicy, DirectAccess, EndpointPolicy, NetworkPolicy } from '../../model/policy.ts';
import { userChain as dockerUserChain } from '../passage/filter-table.ts';
import { forwardVerdicts, type Pattern, patternsOf } from '../passage/rules.ts';
import { allowedRules } from './allowed-rules.ts';
import { own } from './chain-names.ts';
import { runsOf } from './port-runs.ts';
import { destination, established, fromEach, patternText, published } from './rule-text.ts';
import { anyOrder, type Chain, chainPrefix, kept, ordered, type Table, table, userChain } from './table.ts';

/** What others have in the table that our rules there depend on. */
export interface Surroundings {
  /** Docker's chain for the rules of others. */
  readonly hasUserChain: boolean;
  /** Bridges that Docker's rules name. */
  readonly named: readonly Pattern[];
}

export interface FilterContent {
  readonly family: IpFamily;
  readonly networks: readonly NetworkPolicy[];
  /** With the ports that are open at their own addresses. */
  readonly opened: readonly EndpointPolicy[];
  readonly allowances: readonly AllowancePolicy[];
  readonly surroundings: Surroundings;
}

/**
 * A packet that is accepted here is never shown to the rules behind, unlike in a table of our own: so first what must not pass is
 * dropped, then what is the networks' is accepted, and everything else goes on. Before all that the administrator is asked.
 */
export function filterTable({ family, networks, opened, allowances, surroundings }: FilterContent): Table {
  const openPorts = openRules(opened);
  const to = networks.map((policy) => ({
    policy,
    rules: toRules(family, policy, openPorts.get(policy.networkId) ?? []),
  }));
  const guarded = to.filter(({ rules }) => rules.length > 0);
  const bridges = patternsOf(networks.map(({ ifname }) => ifname));
  const allowed = allowedRules(family, allowances, own.accept);
  return table(
    {
      [userChain]: kept,
      [own.filter]: ordered(
        `-j ${userChain}`,
        `${syn} -j ${own.segments}`,
        ...(allowed.length > 0 ? [`-m conntrack --ctstate NEW -j ${own.between}`] : []),
        `${established} -j ${own.apart}`,
        `-j ${own.pass}`,
      ),
      [own.segments]: segmentRules(bridges),
      ...(allowed.length > 0 && betweenChains(networks, bridges, allowed)),
      [own.apart]: anyOrder([
        ...networks.flatMap((policy) => fromRules(family, policy)),
        ...guarded.map(({ policy }) => `-o ${policy.ifname} -j ${toChain(policy)}`),
      ]),
      [own.pass]: ordered(...passRules(bridges, surroundings)),
      // The administrator's rules for containers have their say.
      [own.accept]: ordered(...(surroundings.hasUserChain ? [`-j ${dockerUserChain}`] : []), '-j ACCEPT'),
      ...Object.fromEntries(guarded.map(({ policy, rules }) => [toChain(policy), ordered(...rules)])),
      [own.names]: anyOrder(bridges.flatMap(nameRules)),
    },
    { FORWARD: `-j ${own.filter}`, INPUT: `-j ${own.names}` },
  );
}

/** Pods and containers of engines ask for names at their network's gateway, which a host may otherwise refuse. */
function nameRules(bridge: Pattern): readonly string[] {
  return ['udp', 'tcp'].map(
    (protocol) => `-i ${patternText(bridge)} -p ${protocol} -m ${protocol} --dport 53 -j ACCEPT`,
  );
}

const invalid = '-m conntrack --ctstate INVALID';
const syn = '-p tcp -m tcp --tcp-flags SYN,RST SYN';

/**
 * Both ends of a connection agree on segments that fit the narrowest link the host knows of, also where the ICMP errors that
 * would tell them are filtered. The kernel looks at the routes both ways, and never makes segments larger
 * (net/netfilter/xt_TCPMSS.c).
 */
function segmentRules(bridges: readonly Pattern[]): Chain {
  return anyOrder(
    ['-i', '-o'].flatMap((which) =>
      bridges.map((pattern) => `${which} ${patternText(pattern)} ${syn} -j TCPMSS --clamp-mss-to-pmtu`),
    ),
  );
}

/**
 * New connections that come in and go out by bridges of ours are looked up among the allowances. Those speak of networks that are
 * kept apart: neither endpoints of one that are, nor what must not be left or entered, is opened by them.
 */
function betweenChains(
  networks: readonly NetworkPolicy[],
  bridges: readonly Pattern[],
  allowed: readonly string[],
): Readonly<Record<string, Chain>> {
  const excepted = networks.flatMap(({ ifname, internal, icc }) => [
    ...(internal ? [`-i ${ifname} -j RETURN`, `-o ${ifname} -j RETURN`] : []),
    ...(icc ? [] : [`-i ${ifname} -o ${ifname} -j RETURN`]),
  ]);
  const byBridges = (which: string, chain: string) =>
    bridges.map((pattern) => `${which} ${patternText(pattern)} -j ${chain}`);
  return {
    [own.between]: ordered(...new Set(excepted), ...byBridges('-i', own.betweenTo)),
    [own.betweenTo]: anyOrder(byBridges('-o', own.allowed)),
    [own.allowed]: anyOrder(allowed),
  };
}

/** What may leave the network. Source translation passes over packets of no known connection: they would leave with the endpoint's own address. */
function fromRules(family: IpFamily, { ifname, internal, source }: NetworkPolicy): readonly string[] {
  const leaving = `-i ${ifname} ! -o ${ifname}`;
  if (internal) return [`${leaving} -j DROP`];
  return (family === 4 ? source.ipv4 : source.ipv6) === 'keep' ? [] : [`${leaving} ${invalid} -j DROP`];
}

/** What may come to the network's endpoints, and how; what nothing is said of may. */
function toRules(family: IpFamily, policy: NetworkPolicy, openPorts: readonly string[]): readonly string[] {
  const { ifname, internal, icc, trustedInterfaces } = policy;
  const direct = internal ? 'none' : access(policy, family);
  if (icc && direct === 'all') return [];
  return [
    ...(icc ? [`-i ${ifname} -j RETURN`] : []),
    // No port of the host leads to a network whose ports are open by themselves.
    ...(internal || direct === 'ports' ? [] : [`${published} -j RETURN`]),
    ...(direct === 'ports' ? openPorts : []),
    ...(internal ? [] : trustedInterfaces).map((name) => `-i ${name} -j RETURN`),
    ...(icc || direct === 'none' ? [] : [`-i ${ifname} -j DROP`]),
    ...(direct === 'ports' ? [`-p ${family === 4 ? 'icmp' : 'ipv6-icmp'} -j RETURN`] : []),
    ...(direct === 'all' ? [] : ['-j DROP']),
  ];
}

/** Rules that leave ports open at endpoints' own addresses, by network. */
function openRules(endpoints: readonly EndpointPolicy[]): ReadonlyMap<NetworkId, readonly string[]> {
  const opened = new Map<NetworkId, string[]>();
  for (const { networkId, forwards } of endpoints) {
    const rules = runsOf(forwards).flatMap(({ address, protocol, port, count, from }) =>
      fromEach(from, `${destination(address, { protocol, first: port, count })} -j RETURN`),
    );
    if (rules.length > 0) opened.set(networkId, [...(opened.get(networkId) ?? []), ...rules]);
  }
  return opened;
}

/** Which packets are the networks', and accepted. */
function passRules(bridges: readonly Pattern[], { named }: Surroundings): readonly string[] {
  return forwardVerdicts(bridges, named).map(({ which, pattern, verdict }) => {
    const target = verdict === 'accept' ? own.accept : 'RETURN';
    return `${which === 'iifname' ? '-i' : '-o'} ${patternText(pattern)} -j ${target}`;
  });
}

function access({ direct }: NetworkPolicy, family: IpFamily): DirectAccess {
  return family === 4 ? direct.ipv4 : direct.ipv6;
}

function toChain({ ifname }: NetworkPolicy): string {
  return `${chainPrefix}TO-${ifname}`;
}
