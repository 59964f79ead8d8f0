// From policies to iptables: what should be in the tables of one family. Pure.
import { familyOf, type IpFamily } from '../../base/cidr.ts';
import { NetError } from '../../base/errors.ts';
import type { NetworkId } from '../../model/ids.ts';
import type { DirectAccess, EndpointPolicy, NetworkPolicy, PortForward } from '../../model/policy.ts';
import { userChain } from '../passage/filter-table.ts';
import { forwardVerdicts, type Pattern, patternsOf } from '../passage/rules.ts';
import type { Policies } from './policies.ts';
import { type Chain, chainPrefix, type Table, type Tables } from './table.ts';

/** What others have in the table `filter` that our rules there depend on. */
export interface Surroundings {
  /** Docker's chain for the rules of others. */
  readonly hasUserChain: boolean;
  /** Bridges that Docker's rules name. */
  readonly named: readonly Pattern[];
}

/** Errors: `invalid_parameter` for an interface iptables cannot name. */
export function render(family: IpFamily, policies: Policies, surroundings: Surroundings): Tables {
  const networks = [...policies.networks.values()];
  for (const { ifname, trustedInterfaces } of networks) [ifname, ...trustedInterfaces].forEach(checkName);
  const endpoints = [...policies.endpoints.values()].map((endpoint) => ofFamily(endpoint, family));
  const led = endpoints.map((endpoint) => ({
    ...endpoint,
    forwards: endpoint.forwards.filter((forward) => !isOpened(forward)),
  }));
  const forwards = led.flatMap((endpoint) => endpoint.forwards);
  return {
    raw: family === 4 ? rawTable(networks, forwards) : table({}, {}),
    filter: filterTable(family, networks, { ...surroundings, opened: openedPorts(endpoints) }),
    nat: natTable(family, networks, led),
  };
}

const loopback = '127.0.0.0/8';
const established = '-m conntrack ! --ctstate RELATED,ESTABLISHED';
const invalid = '-m conntrack --ctstate INVALID';
const published = '-m conntrack --ctstate DNAT';
const toHost = '-m addrtype --dst-type LOCAL';

const own = {
  raw: `${chainPrefix}RAW`,
  loopback: `${chainPrefix}LOOPBACK`,
  filter: `${chainPrefix}FILTER`,
  apart: `${chainPrefix}NEW`,
  pass: `${chainPrefix}PASS`,
  accept: `${chainPrefix}ACCEPT`,
  output: `${chainPrefix}OUTPUT`,
  dnat: `${chainPrefix}DNAT`,
  dnatAddress: `${chainPrefix}DNAT-ADDRESS`,
  dnatAny: `${chainPrefix}DNAT-ANY`,
  snat: `${chainPrefix}SNAT`,
  snatHost: `${chainPrefix}SNAT-HOST`,
  snatPublished: `${chainPrefix}SNAT-PUBLISHED`,
  snatNetworks: `${chainPrefix}SNAT-NETWORKS`,
} as const;

/**
 * Packets that claim to come from or go to 127.0.0.0/8. Our bridges have route_localnet set, so that the host may reach published
 * ports by 127.0.0.1; what comes in by them must not reach the host that way. Other interfaces with that setting are
 * somebody else's, and only ports of ours are kept from them.
 */
function rawTable(networks: readonly NetworkPolicy[], forwards: readonly PortForward[]): Table {
  const ports = forwards.filter(({ hostAddress }) => hostAddress.startsWith('127.'));
  return table(
    {
      [own.raw]: ordered(
        '-i lo -j RETURN',
        `-s ${loopback} -j ${own.loopback}`,
        `-d ${loopback} -j ${own.loopback}`,
      ),
      [own.loopback]: anyOrder([
        ...networks.map(({ ifname }) => `-i ${ifname} -j DROP`),
        ...ports.map(
          (forward) => `${destination(forward.hostAddress, forward.protocol, forward.hostPort)} -j DROP`,
        ),
      ]),
    },
    { PREROUTING: `-j ${own.raw}` },
  );
}

/**
 * A packet that is accepted here is never shown to the rules behind, unlike in a table of our own: so first what must not pass is
 * dropped, then what is the networks' is accepted, and everything else goes on.
 */
function filterTable(
  family: IpFamily,
  networks: readonly NetworkPolicy[],
  around: Surroundings & { readonly opened: OpenedPorts },
): Table {
  const to = networks.map((policy) => ({
    policy,
    rules: toRules(family, policy, around.opened.get(policy.networkId) ?? []),
  }));
  const guarded = to.filter(({ rules }) => rules.length > 0);
  const pass = forwardVerdicts(patternsOf(networks.map(({ ifname }) => ifname)), around.named);
  return table(
    {
      [own.filter]: ordered(`${established} -j ${own.apart}`, `-j ${own.pass}`),
      [own.apart]: anyOrder([
        ...networks.flatMap((policy) => fromRules(family, policy)),
        ...guarded.map(({ policy }) => `-o ${policy.ifname} -j ${toChain(policy)}`),
      ]),
      [own.pass]: ordered(
        ...pass.map(({ which, pattern, verdict }) => {
          const target = verdict === 'accept' ? own.accept : 'RETURN';
          return `${which === 'iifname' ? '-i' : '-o'} ${patternText(pattern)} -j ${target}`;
        }),
      ),
      // The administrator's rules for containers have their say.
      [own.accept]: ordered(...(around.hasUserChain ? [`-j ${userChain}`] : []), '-j ACCEPT'),
      ...Object.fromEntries(guarded.map(({ policy, rules }) => [toChain(policy), ordered(...rules)])),
      ...(family === 6 && { [own.output]: ordered(...loopbackAnswers) }),
    },
    { FORWARD: `-j ${own.filter}`, ...(family === 6 && { OUTPUT: `-j ${own.output}` }) },
  );
}

/** The kernel has no route_localnet for IPv6, so answers to ::1 would be lost: refused at once, the asker goes on to 127.0.0.1. */
const loopbackAnswers = [
  `-s ::1/128 ! -d ::1/128 -p tcp ${published} -j REJECT --reject-with tcp-reset`,
  `-s ::1/128 ! -d ::1/128 ${published} -j REJECT --reject-with icmp6-port-unreachable`,
];

function natTable(
  family: IpFamily,
  networks: readonly NetworkPolicy[],
  endpoints: readonly EndpointPolicy[],
): Table {
  const ports = endpoints.flatMap(portChains).filter(({ rules }) => rules.length > 0);
  const leads = (wildcard: boolean) =>
    ports.filter((one) => one.wildcard === wildcard).map(({ name }) => `-j ${name}`);
  const elsewhere = endpoints.flatMap(({ forwards }) => forwards).filter(({ keepSource }) => !keepSource);
  return table(
    {
      [own.dnat]: ordered(`-j ${own.dnatAddress}`, `-j ${own.dnatAny}`),
      [own.dnatAddress]: anyOrder(leads(false)),
      [own.dnatAny]: anyOrder(leads(true)),
      ...Object.fromEntries(ports.map(({ name, rules }) => [name, ordered(...rules)])),
      [own.snat]: ordered(
        `${published} -j ${own.snatPublished}`,
        ...(family === 4 ? [`-s ${loopback} -j ${own.snatHost}`] : []),
        `-j ${own.snatNetworks}`,
      ),
      [own.snatPublished]: anyOrder([
        ...elsewhere.map((end) => `${destination(end.address, end.protocol, end.port)} -j MASQUERADE`),
        ...networks.flatMap((policy) => returnRules(family, policy)),
      ]),
      // The host's own connections to 127.0.0.1, on their way to an endpoint.
      ...(family === 4 && {
        [own.snatHost]: anyOrder(networks.map(({ ifname }) => `-o ${ifname} -j MASQUERADE`)),
      }),
      [own.snatNetworks]: anyOrder(networks.flatMap((policy) => sourceRules(family, policy))),
    },
    {
      PREROUTING: `${toHost} -j ${own.dnat}`,
      OUTPUT: `${toHost} -j ${own.dnat}`,
      POSTROUTING: `-j ${own.snat}`,
    },
  );
}

/** What may leave the network. Source translation passes over packets of no known connection: they would leave with the endpoint's own address. */
function fromRules(family: IpFamily, { ifname, internal, source }: NetworkPolicy): readonly string[] {
  const leaving = `-i ${ifname} ! -o ${ifname}`;
  if (internal) return [`${leaving} -j DROP`];
  return (family === 4 ? source.ipv4 : source.ipv6) === 'keep' ? [] : [`${leaving} ${invalid} -j DROP`];
}

/** What may come to the network's endpoints, and how; what nothing is said of may. */
function toRules(family: IpFamily, policy: NetworkPolicy, opened: readonly PortForward[]): readonly string[] {
  const { ifname, internal, icc, trustedInterfaces } = policy;
  const direct = internal ? 'none' : access(policy, family);
  if (icc && direct === 'all') return [];
  return [
    ...(icc ? [`-i ${ifname} -j RETURN`] : []),
    // No port of the host leads to a network whose ports are open by themselves.
    ...(internal || direct === 'ports' ? [] : [`${published} -j RETURN`]),
    ...(direct === 'ports' ? opened : []).map(
      ({ address, protocol, port }) => `${destination(address, protocol, port)} -j RETURN`,
    ),
    ...(internal ? [] : trustedInterfaces).map((name) => `-i ${name} -j RETURN`),
    ...(icc || direct === 'none' ? [] : [`-i ${ifname} -j DROP`]),
    ...(direct === 'ports' ? [`-p ${family === 4 ? 'icmp' : 'ipv6-icmp'} -j RETURN`] : []),
    ...(direct === 'all' ? [] : ['-j DROP']),
  ];
}

/** Ports open at endpoints' own addresses, by network. */
type OpenedPorts = ReadonlyMap<NetworkId, readonly PortForward[]>;

function openedPorts(endpoints: readonly EndpointPolicy[]): OpenedPorts {
  const opened = new Map<NetworkId, PortForward[]>();
  for (const { networkId, forwards } of endpoints) {
    const ports = forwards.filter(isOpened);
    if (ports.length > 0) opened.set(networkId, [...(opened.get(networkId) ?? []), ...ports]);
  }
  return opened;
}

function isOpened({ hostAddress, hostPort, address, port }: PortForward): boolean {
  return hostAddress === address && hostPort === port;
}

function access({ direct }: NetworkPolicy, family: IpFamily): DirectAccess {
  return family === 4 ? direct.ipv4 : direct.ipv6;
}

/** A port that leads back to the asker's own network: the answer would go there directly, from an address it was not sent to. */
function returnRules(family: IpFamily, policy: NetworkPolicy): readonly string[] {
  const { ifname, internal, subnets } = policy;
  if (internal || access(policy, family) === 'ports') return [];
  return subnets
    .filter((subnet) => familyOf(subnet) === family)
    .map((subnet) => `-s ${subnet} -o ${ifname} -j MASQUERADE`);
}

/**
 * The source address given to what comes from the network, told by its address: before Linux 5.7 a rule of POSTROUTING does not
 * know the interface a packet came by. Nothing leaves an internal network.
 */
function sourceRules(
  family: IpFamily,
  { ifname, internal, subnets, source }: NetworkPolicy,
): readonly string[] {
  const rule = family === 4 ? source.ipv4 : source.ipv6;
  if (internal || rule === 'keep') return [];
  const target = rule === 'masquerade' ? 'MASQUERADE' : `SNAT --to-source ${rule.address}`;
  return subnets
    .filter((subnet) => familyOf(subnet) === family)
    .map((subnet) => `-s ${subnet} ! -o ${ifname} -j ${target}`);
}

/** Ports on one address come before those on all. */
function portChains({ endpointId, forwards }: EndpointPolicy) {
  const short = endpointId.slice(0, 16);
  return [
    { name: `${chainPrefix}A-${short}`, wildcard: false },
    { name: `${chainPrefix}P-${short}`, wildcard: true },
  ].map((chain) => ({
    ...chain,
    rules: forwards.filter((forward) => isWildcard(forward) === chain.wildcard).map(portRule),
  }));
}

function portRule(forward: PortForward): string {
  const { hostAddress, hostPort, protocol, address, port } = forward;
  const asked = isWildcard(forward)
    ? portOf(protocol, hostPort)
    : destination(hostAddress, protocol, hostPort);
  const end = familyOf(address) === 4 ? `${address}:${port}` : `[${address}]:${port}`;
  return `${asked} -j DNAT --to-destination ${end}`;
}

function isWildcard({ hostAddress }: PortForward): boolean {
  return hostAddress === '0.0.0.0' || hostAddress === '::';
}

function destination(address: string, protocol: string, port: number): string {
  return `-d ${address}/${familyOf(address) === 4 ? 32 : 128} ${portOf(protocol, port)}`;
}

function portOf(protocol: string, port: number): string {
  return `-p ${protocol} -m ${protocol} --dport ${port}`;
}

function ofFamily(endpoint: EndpointPolicy, family: IpFamily): EndpointPolicy {
  return { ...endpoint, forwards: endpoint.forwards.filter(({ address }) => familyOf(address) === family) };
}

function toChain({ ifname }: NetworkPolicy): string {
  return `${chainPrefix}TO-${ifname}`;
}

/** iptables takes a name that ends in + for the beginning of names, and would not take some at all. */
function checkName(ifname: string): void {
  if (/^[\w.:@=~-]{1,15}$/.test(ifname)) return;
  throw new NetError(
    'invalid_parameter',
    `firewall iptables: no rule can name interface ${JSON.stringify(ifname)}`,
  );
}

function patternText(pattern: Pattern): string {
  return pattern.endsWith('\0') ? pattern.slice(0, -1) : `${pattern}+`;
}

function table(chains: Readonly<Record<string, Chain>>, jumps: Readonly<Record<string, string>>): Table {
  return { chains: new Map(Object.entries(chains)), jumps: new Map(Object.entries(jumps)) };
}

function ordered(...rules: readonly string[]): Chain {
  return { rules };
}

/** Networks on one bridge want the same of it, and ports of one end the same for it. */
function anyOrder(rules: readonly string[]): Chain {
  return { rules: [...new Set(rules)], anyOrder: true };
}
