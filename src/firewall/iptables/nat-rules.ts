// The table `nat`: where published ports lead, and with which address packets leave. Pure.
import { familyOf, type IpFamily } from '../../base/cidr.ts';
import type { AllowancePolicy, EndpointPolicy, NetworkPolicy, PortForward } from '../../model/policy.ts';
import { patternsOf } from '../passage/rules.ts';
import { allowedRules } from './allowed-rules.ts';
import { own } from './chain-names.ts';
import { type PortRun, runsOf } from './port-runs.ts';
import { destination, fromEach, patternText, published, toPorts } from './rule-text.ts';
import { anyOrder, chainPrefix, ordered, type Table, table } from './table.ts';

export interface NatContent {
  readonly family: IpFamily;
  readonly networks: readonly NetworkPolicy[];
  /** With the ports that lead to them from the host. */
  readonly endpoints: readonly EndpointPolicy[];
  readonly allowances: readonly AllowancePolicy[];
}

const loopback = '127.0.0.0/8';
const toHost = '-m addrtype --dst-type LOCAL -j';
/** The kernel has no route_localnet for IPv6: nothing that is sent to ::1 can leave the host, whoever it is translated for. */
const notLoopback6 = '! -d ::1/128';

export function natTable({ family, networks, endpoints, allowances }: NatContent): Table {
  const ports = endpoints.flatMap(portChains).filter(({ rules }) => rules.length > 0);
  const leads = (wildcard: boolean) =>
    ports.filter((one) => one.wildcard === wildcard).map(({ name }) => `-j ${name}`);
  const allowed = allowedRules(family, allowances, 'ACCEPT');
  return table(
    {
      [own.dnat]: ordered(`-j ${own.dnatAddress}`, `-j ${own.dnatAny}`),
      [own.dnatAddress]: anyOrder(leads(false)),
      [own.dnatAny]: anyOrder(leads(true)),
      ...Object.fromEntries(ports.map(({ name, rules }) => [name, anyOrder(rules)])),
      [own.snat]: ordered(
        `${published} -j ${own.snatPublished}`,
        ...(allowed.length > 0 ? toBridges(networks).map((bridge) => `${bridge} -j ${own.allowed}`) : []),
        ...(family === 4 ? [`-s ${loopback} -j ${own.snatHost}`] : []),
        `-j ${own.snatNetworks}`,
      ),
      [own.snatPublished]: anyOrder([
        ...endpoints.flatMap(elsewhereRules),
        ...networks.flatMap((policy) => returnRules(family, policy)),
      ]),
      // Who is allowed to reach another network keeps its address.
      ...(allowed.length > 0 && { [own.allowed]: anyOrder(allowed) }),
      // The host's own connections to 127.0.0.1, on their way to an endpoint.
      ...(family === 4 && {
        [own.snatHost]: anyOrder(networks.map(({ ifname }) => `-o ${ifname} -j MASQUERADE`)),
      }),
      [own.snatNetworks]: anyOrder(networks.flatMap((policy) => sourceRules(family, policy))),
    },
    {
      PREROUTING: `${toHost} ${own.dnat}`,
      OUTPUT: `${family === 6 ? `${notLoopback6} ` : ''}${toHost} ${own.dnat}`,
      POSTROUTING: `-j ${own.snat}`,
    },
  );
}

/** Before Linux 5.7 a rule of POSTROUTING does not know the interface a packet came by: that has been looked at on the way. */
function toBridges(networks: readonly NetworkPolicy[]): readonly string[] {
  return patternsOf(networks.map(({ ifname }) => ifname)).map((pattern) => `-o ${patternText(pattern)}`);
}

/** Ports whose answers would leave by another network's gateway. */
function elsewhereRules({ forwards }: EndpointPolicy): readonly string[] {
  return runsOf(forwards.filter(({ keepSource }) => !keepSource)).map(
    ({ address, protocol, port, count }) =>
      `${destination(address, { protocol, first: port, count })} -j MASQUERADE`,
  );
}

/** A port that leads back to the asker's own network: the answer would go there directly, from an address it was not sent to. */
function returnRules(
  family: IpFamily,
  { ifname, internal, subnets, direct }: NetworkPolicy,
): readonly string[] {
  if (internal || (family === 4 ? direct.ipv4 : direct.ipv6) === 'ports') return [];
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
    rules: runsOf(forwards.filter((forward) => isWildcard(forward) === chain.wildcard)).flatMap(portRules),
  }));
}

function portRules(run: PortRun): readonly string[] {
  const { hostAddress, hostPort, protocol, count, from } = run;
  const ports = { protocol, first: hostPort, count };
  const asked = isWildcard(run) ? toPorts(ports) : destination(hostAddress, ports);
  return fromEach(from, `${asked} -j DNAT --to-destination ${endOf(run)}`);
}

/** A range keeps its ports. */
function endOf({ address, port, count }: PortRun): string {
  if (count > 1) return address;
  return familyOf(address) === 4 ? `${address}:${port}` : `[${address}]:${port}`;
}

function isWildcard({ hostAddress }: PortForward): boolean {
  return hostAddress === '0.0.0.0' || hostAddress === '::';
}
