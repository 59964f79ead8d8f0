// What netd holds for Docker and Docker does not know any more: it forgets without a word what it could not tell us.
import { addressOf, subnetOf } from '../base/cidr.ts';
import type { EngineHoldings } from '../core/engine-requests.ts';
import type { EngineEndpoint, EngineLease } from '../model/engine.ts';
import type { DockerNetwork, ListedContainer } from './docker-answers.ts';

/** Everything Docker knows at one time. */
export interface DockerView {
  readonly networks: readonly DockerNetwork[];
  readonly containers: readonly ListedContainer[];
}

/** That part of the holdings that Docker does not know. What an endpoint has goes with that. */
export function unknownTo(view: DockerView, holdings: EngineHoldings): EngineHoldings {
  const endpoints = view.containers.flatMap((container) => container.endpoints);
  const endpointIds = new Set<string>(endpoints.map(({ id }) => id));
  const networkIds = new Set<string>(view.networks.map(({ id }) => id));
  const subnets = new Set<string>(view.networks.flatMap((network) => network.subnets));
  const addresses = new Set<string>([...view.networks, ...endpoints].flatMap((one) => one.addresses));
  // Docker does not show a gateway that it has been given by us.
  const isKnown = ({ subnet, address, gateway }: EngineLease) =>
    addresses.has(address) || (gateway === true && subnets.has(subnet));
  const isOfEndpoint = (lease: EngineLease) =>
    holdings.endpoints.some((endpoint) => isLeaseOf(endpoint, lease));
  return {
    pools: holdings.pools.filter(({ subnet }) => !subnets.has(subnet)),
    leases: holdings.leases.filter((lease) => !isKnown(lease) && !isOfEndpoint(lease)),
    networks: holdings.networks.filter(({ id }) => !networkIds.has(id)),
    endpoints: holdings.endpoints.filter(({ id }) => !endpointIds.has(id)),
  };
}

export function isLeaseOf({ addresses }: EngineEndpoint, { subnet, address }: EngineLease): boolean {
  return addresses.some((one) => addressOf(one) === address && subnetOf(one) === subnet);
}

export function isNothing({ pools, leases, networks, endpoints }: EngineHoldings): boolean {
  return pools.length + leases.length + networks.length + endpoints.length === 0;
}

/** Those of the holdings that are in `keys`; one that was given back and taken again has another key. */
export function withKeys(holdings: EngineHoldings, keys: ReadonlySet<string>): EngineHoldings {
  const has = <T extends Keyed>(kind: string, some: readonly T[]) =>
    some.filter((one) => keys.has(keyOf(kind, one)));
  return {
    pools: has('pool', holdings.pools),
    leases: has('lease', holdings.leases),
    networks: has('network', holdings.networks),
    endpoints: has('endpoint', holdings.endpoints),
  };
}

/** For how long what Docker does not know has been unknown to it, from one comparison to the next. */
export class Misses {
  #since: ReadonlyMap<string, number> = new Map();

  /** Returns the keys of what was unknown at an earlier comparison already, `afterMs` ago or more. */
  note(unknown: EngineHoldings, afterMs: number): ReadonlySet<string> {
    const now = performance.now();
    const keys = [
      ...unknown.pools.map((one) => keyOf('pool', one)),
      ...unknown.leases.map((one) => keyOf('lease', one)),
      ...unknown.networks.map((one) => keyOf('network', one)),
      ...unknown.endpoints.map((one) => keyOf('endpoint', one)),
    ];
    this.#since = new Map(keys.map((key) => [key, this.#since.get(key) ?? now]));
    return new Set(keys.filter((key) => now - (this.#since.get(key) ?? now) >= afterMs));
  }
}

type Keyed = { readonly id: string; readonly createdAt: string };

function keyOf(kind: string, { id, createdAt }: Keyed): string {
  return `${kind} ${id} ${createdAt}`;
}
