// Which addresses allowances are about, as a pure function of the records.
import { addressOf, type Cidr, familyBits, familyOf, toCidr, toInteger } from '../base/cidr.ts';
import type { PolicyChange } from '../firewall/firewall.ts';
import type { Allowance, Party } from '../model/allowance.ts';
import type { Network } from '../model/network.ts';
import type { AllowancePolicy } from '../model/policy.ts';
import type { Change, State } from '../store/store.ts';
import { driverOf, endpointsOfSandbox, networkOf } from './lookup.ts';
import type { Parts } from './parts.ts';

/** All that are in force. */
export function allowancePolicies(parts: Parts): readonly AllowancePolicy[] {
  const policies = [...parts.store.state.allowances.values()].map((one) => allowancePolicy(parts, one));
  return policies.filter((policy) => policy !== undefined);
}

/** Undefined while the ends have no addresses of one family. */
export function allowancePolicy(parts: Parts, allowance: Allowance): AllowancePolicy | undefined {
  const from = partyAddresses(parts, allowance.from);
  const to = partyAddresses(parts, allowance.to);
  const meets = (others: readonly Cidr[]) => (one: Cidr) =>
    others.some((other) => familyOf(other) === familyOf(one));
  const ends = { from: from.filter(meets(to)), to: to.filter(meets(from)) };
  if (ends.from.length === 0) return undefined;
  const { id, ports } = allowance;
  return { allowanceId: id, ...ends, ...(ports !== undefined && { ports }) };
}

/** The subnets of a network, or the addresses a sandbox has on networks the host routes; none of what is half made or half deleted. */
export function partyAddresses(
  parts: Parts,
  { network: networkId, sandbox: sandboxId }: Party,
): readonly Cidr[] {
  const { state } = parts.store;
  if (networkId !== undefined) {
    const network = state.networks.get(networkId);
    return network === undefined || network.pending ? [] : routedSubnets(parts, network);
  }
  const sandbox = state.sandboxes.get(sandboxId);
  if (sandbox === undefined || sandbox.pending) return [];
  return endpointsOfSandbox(state, sandboxId)
    .filter((endpoint) => !endpoint.pending && isRouted(parts, networkOf(state, endpoint)))
    .flatMap(({ addresses }) => addresses.map(addressOf))
    .map((address) => {
      const family = familyOf(address);
      return toCidr(toInteger(address), familyBits(family), family);
    });
}

/** Whether the host passes packets on between the network and others. */
export function isRouted(parts: Parts, network: Network): boolean {
  return driverOf(parts, network).policy(network)?.internal === false;
}

function routedSubnets(parts: Parts, network: Network): readonly Cidr[] {
  return isRouted(parts, network) ? network.ipam.pools.map(({ subnet }) => subnet) : [];
}

/** Those that have the party at either end. */
export function allowancesOf(state: State, { network, sandbox }: Party): readonly Allowance[] {
  const isIt = (party: Party) => party.network === network && party.sandbox === sandbox;
  return [...state.allowances.values()].filter(({ from, to }) => isIt(from) || isIt(to));
}

/** What the firewall should do about the allowances of a party, as the records are now. */
export function allowanceChanges(parts: Parts, party: Party): readonly PolicyChange[] {
  return allowancesOf(parts.store.state, party).map((allowance) => {
    const policy = allowancePolicy(parts, allowance);
    return policy === undefined ? { removedAllowance: allowance.id } : { allowance: policy };
  });
}

/** They go with whom they are about. */
export function allowanceDrops(allowances: readonly Allowance[]): readonly Change[] {
  return allowances.map(({ id }) => ({ drop: 'allowance' as const, id }));
}
