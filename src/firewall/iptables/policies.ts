// The policies in force, and what a change makes of them. Pure.
import { NetError } from '../../base/errors.ts';
import type { AllowanceId, EndpointId, NetworkId } from '../../model/ids.ts';
import type { AllowancePolicy, EndpointPolicy, NetworkPolicy, PortForward } from '../../model/policy.ts';
import type { PolicyChange, PolicyState } from '../firewall.ts';
import { changedForwards } from '../nftables/changed-forwards.ts';
import type { ChangedPorts } from '../stale-connections.ts';

export interface Policies {
  readonly networks: ReadonlyMap<NetworkId, NetworkPolicy>;
  readonly endpoints: ReadonlyMap<EndpointId, EndpointPolicy>;
  readonly allowances: ReadonlyMap<AllowanceId, AllowancePolicy>;
}

export const noPolicies: Policies = {
  networks: new Map(),
  endpoints: new Map(),
  allowances: new Map(),
};

/** Errors: `conflict` when two owners want one port to lead to different places. */
export function policiesOf({ networks, endpoints, allowances = [] }: PolicyState): Policies {
  return changed(noPolicies, [
    ...networks.map((network) => ({ network })),
    ...endpoints.map((endpoint) => ({ endpoint })),
    ...allowances.map((allowance) => ({ allowance })),
  ]);
}

/** Errors: see `policiesOf`. */
export function changed(before: Policies, changes: readonly PolicyChange[]): Policies {
  const networks = new Map(before.networks);
  const endpoints = new Map(before.endpoints);
  const allowances = new Map(before.allowances);
  for (const change of changes) {
    if ('network' in change) networks.set(change.network.networkId, change.network);
    else if ('removedNetwork' in change) networks.delete(change.removedNetwork);
    else if ('endpoint' in change) endpoints.set(change.endpoint.endpointId, change.endpoint);
    else if ('removedEndpoint' in change) endpoints.delete(change.removedEndpoint);
    else if ('allowance' in change) allowances.set(change.allowance.allowanceId, change.allowance);
    else allowances.delete(change.removedAllowance);
  }
  checkPorts(endpoints.values());
  return { networks, endpoints, allowances };
}

export function changedPorts(before: Policies, after: Policies): ChangedPorts {
  const ids = new Set([...before.endpoints.keys(), ...after.endpoints.keys()]);
  const touched = [...ids]
    .map((id) => ({ old: before.endpoints.get(id), next: after.endpoints.get(id) }))
    .filter(({ old, next }) => old !== next);
  const forwards = touched.map(({ old, next }) => changedForwards(old?.forwards ?? [], next?.forwards ?? []));
  return {
    removed: forwards.flatMap(({ removed }) => removed),
    added: forwards.flatMap(({ added }) => added),
    gone: touched.flatMap(({ old, next }) => (next === undefined ? (old?.forwards ?? []) : [])),
  };
}

function checkPorts(endpoints: Iterable<EndpointPolicy>): void {
  const ends = new Map<string, string>();
  for (const { forwards } of endpoints) {
    for (const forward of forwards) {
      const port = portText(forward);
      const end = `${forward.address} ${forward.port}`;
      if ((ends.get(port) ?? end) !== end) throw new NetError('conflict', `port ${port} is published twice`);
      ends.set(port, end);
    }
  }
}

/** `8080/tcp on 0.0.0.0`: the wildcard tells the family. */
function portText({ hostAddress, hostPort, protocol }: PortForward): string {
  return `${hostPort}/${protocol} on ${hostAddress}`;
}
