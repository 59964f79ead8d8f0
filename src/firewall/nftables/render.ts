// From policy to nf_tables: the chains and map elements of a network. Pure.
import { familyOf } from '../../base/cidr.ts';
import type { Element } from '../../kernel/nftables/element.ts';
import type { Rule } from '../../kernel/nftables/rule.ts';
import type { DirectAccess, NetworkPolicy, SourceRule } from '../../model/policy.ts';
import { ifnameBytes } from './key.ts';
import {
  bridges,
  type ChainRules,
  fromNetwork,
  ifBetweenNetworks,
  openPortsSet,
  openRangesSet,
  returnTo,
  sourceOf,
  toNetwork,
} from './layout.ts';
import {
  addressIn,
  connectionIn,
  destinationIn,
  type Family,
  familyIs,
  interfaceIs,
  isIcmp,
  masquerade,
  published,
  rule,
  snatTo,
  stateIs,
  verdict,
} from './match.ts';

/** An element with the set or map it is in. */
export interface SetElement extends Element {
  readonly set: string;
}

export interface Rendering {
  readonly chains: readonly ChainRules[];
  readonly elements: readonly SetElement[];
}

/** Networks on one bridge, which is somebody else's, differ in their subnets alone. Their order means nothing. */
export function renderBridge(policies: readonly [NetworkPolicy, ...NetworkPolicy[]]): Rendering {
  const subnets = [...new Set(policies.flatMap((policy) => policy.subnets))].sort();
  return renderNetwork({ ...policies[0], subnets });
}

function renderNetwork(policy: NetworkPolicy): Rendering {
  const key = ifnameBytes(policy.ifname);
  const chains = [
    { map: fromNetwork, name: `from-${policy.ifname}`, rules: fromRules(policy) },
    { map: toNetwork, name: `to-${policy.ifname}`, rules: toRules(policy) },
    { map: returnTo, name: `return-${policy.ifname}`, rules: returnRules(policy) },
    { map: sourceOf, name: `source-${policy.ifname}`, rules: sourceRules(policy) },
  ].filter(({ rules }) => rules.length > 0);
  return {
    chains: chains.map(({ name, rules }) => ({ name, rules })),
    elements: [
      { set: bridges, key },
      ...chains.map(({ map, name }) => ({ set: map, key, data: { jump: name } })),
    ],
  };
}

/** What may leave the network; what may leave it goes on to the rules of where it goes. */
function fromRules({ ifname, internal, source }: NetworkPolicy): readonly Rule[] {
  if (internal) return [rule(interfaceIs('oifname', ifname, 'neq'), verdict('drop'))];
  // Source translation passes over packets of no known connection: they would leave with the endpoint's own address.
  return families
    .filter((family) => sourceRule(source, family) !== 'keep')
    .map((family) =>
      rule(interfaceIs('oifname', ifname, 'neq'), familyIs(family), stateIs('invalid'), verdict('drop')),
    );
}

/** What may come to the network's endpoints, and how; what nothing is said of may. */
function toRules(policy: NetworkPolicy): readonly Rule[] {
  const { ifname, internal, icc, trustedInterfaces } = policy;
  const closed = families.filter((family) => internal || access(policy, family) !== 'all');
  const opened = families.filter((family) => !internal && access(policy, family) === 'ports');
  const fromItself = interfaceIs('iifname', ifname);
  const allClosed = closed.length === families.length;
  if (icc && closed.length === 0) return [];
  return [
    ...(icc ? [rule(fromItself, verdict('accept'))] : []),
    ...translated(policy),
    ...opened.flatMap((family) => [
      rule(destinationIn(family, openPortsSet(family)), verdict('accept')),
      rule(connectionIn(family, openRangesSet(family)), verdict('accept')),
    ]),
    ...(internal ? [] : trustedInterfaces).map((name) =>
      rule(interfaceIs('iifname', name), verdict('accept')),
    ),
    ...(icc || internal ? [] : [rule(fromItself, verdict('drop'))]),
    ...(internal ? [] : [ifBetweenNetworks()]),
    ...opened.map((family) => rule(isIcmp(family), verdict('accept'))),
    ...(allClosed ? [verdict('drop')] : closed.map((family) => rule(familyIs(family), verdict('drop')))),
  ];
}

/** Connections to ports of the host that lead to the network: there are none in a family whose ports are open by themselves. */
function translated(policy: NetworkPolicy): readonly Rule[] {
  if (policy.internal) return [];
  const some = families.filter((family) => access(policy, family) !== 'ports');
  if (some.length === families.length) return [rule(published(), verdict('accept'))];
  return some.map((family) => rule(familyIs(family), published(), verdict('accept')));
}

/**
 * A port that leads back to the asker's own network: the answer would go there directly, from an address it was not sent to. The
 * asker is told by its address, as the kernel does not say which interface a packet came by where br_netfilter
 * (`net.bridge.bridge-nf-call-iptables`) makes the bridge itself pass it on.
 */
function returnRules(policy: NetworkPolicy): readonly Rule[] {
  if (policy.internal) return [];
  return policy.subnets
    .filter((subnet) => access(policy, familyOf(subnet)) !== 'ports')
    .map((subnet) => rule(published(), addressIn('saddr', subnet), masquerade()));
}

/** The source address given to what comes from the network. Nothing leaves an internal one. */
function sourceRules({ ifname, internal, source }: NetworkPolicy): readonly Rule[] {
  const statements = families.flatMap((family) => sourceStatement(family, sourceRule(source, family)));
  if (internal || statements.length === 0) return [];
  return [rule(interfaceIs('oifname', ifname), verdict('return')), ...statements];
}

const families: readonly Family[] = [4, 6];

function access({ direct }: NetworkPolicy, family: Family): DirectAccess {
  return family === 4 ? direct.ipv4 : direct.ipv6;
}

function sourceRule(source: NetworkPolicy['source'], family: Family): SourceRule {
  return family === 4 ? source.ipv4 : source.ipv6;
}

function sourceStatement(family: Family, source: SourceRule): readonly Rule[] {
  if (source === 'keep') return [];
  const statement = source === 'masquerade' ? masquerade() : snatTo(family, source.address);
  return [rule(familyIs(family), statement)];
}
