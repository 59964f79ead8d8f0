// Finding records by what a user wrote: a full id, then a name, then a unique prefix of an id.
import { addressOf, type IpAddress } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import type { Driver } from '../drivers/driver.ts';
import type { IpamDriver } from '../ipam/ipam-driver.ts';
import type { Allowance } from '../model/allowance.ts';
import type { Endpoint } from '../model/endpoint.ts';
import { type NetworkId, type SandboxId, shortId } from '../model/ids.ts';
import type { Network } from '../model/network.ts';
import type { Sandbox } from '../model/sandbox.ts';
import type { State } from '../store/store.ts';
import type { Parts } from './parts.ts';

/** Errors: `not_found`; `invalid_parameter` for an ambiguous prefix. */
export function findNetwork(state: State, ref: string): Network {
  return found('network', ref, lookUp('network', state.networks, ref));
}

/** Errors: `not_found`; `invalid_parameter` for an ambiguous prefix. */
export function findSandbox(state: State, ref: string): Sandbox {
  return found('sandbox', ref, lookUp('sandbox', state.sandboxes, ref));
}

/** By id or prefix; what people know as a policy. Errors: `not_found`; `invalid_parameter` for an ambiguous prefix. */
export function findAllowance(state: State, ref: string): Allowance {
  return found('policy', ref, lookUp('policy', state.allowances, ref));
}

/** Undefined when nothing goes by that reference. Errors: `invalid_parameter` for an ambiguous prefix. */
export function lookUp<T extends { readonly id: string; readonly name?: string }>(
  kind: string,
  records: ReadonlyMap<string, T>,
  ref: string,
): T | undefined {
  const byId = records.get(ref);
  if (byId !== undefined) return byId;
  const prefixed: T[] = [];
  for (const record of records.values()) {
    if (record.name === ref) return record;
    if (ref !== '' && record.id.startsWith(ref)) prefixed.push(record);
  }
  if (prefixed.length > 1) {
    const ids = prefixed.map((record) => shortId(record.id)).join(', ');
    throw new NetError('invalid_parameter', `${kind} ${ref} is ambiguous: it could be ${ids}`);
  }
  return prefixed[0];
}

/** The endpoints of a sandbox, oldest first. */
export function endpointsOfSandbox(state: State, id: SandboxId): readonly Endpoint[] {
  return [...(state.endpointsBySandbox.get(id)?.values() ?? [])];
}

/** The endpoints on a network, oldest first. */
export function endpointsOfNetwork(state: State, id: NetworkId): readonly Endpoint[] {
  return [...(state.endpointsByNetwork.get(id)?.values() ?? [])];
}

/** Whether an endpoint, or what is described of one, has the address. */
export function hasAddress(address: IpAddress) {
  return ({ addresses }: Pick<Endpoint, 'addresses'>): boolean =>
    addresses.some((one) => addressOf(one) === address);
}

/** The network of an endpoint; records never point at nothing. */
export function networkOf(state: State, endpoint: Endpoint): Network {
  return recorded('network', endpoint.networkId, state.networks.get(endpoint.networkId));
}

/** The sandbox of an endpoint; records never point at nothing. */
export function sandboxOf(state: State, endpoint: Endpoint): Sandbox {
  return recorded('sandbox', endpoint.sandboxId, state.sandboxes.get(endpoint.sandboxId));
}

/** Errors: `not_implemented` when this daemon has no such driver. */
export function driverOf(parts: Parts, network: Pick<Network, 'driver'>): Driver {
  const driver = parts.drivers.get(network.driver);
  if (driver === undefined) {
    throw new NetError('not_implemented', `driver ${network.driver} is not available in this version`);
  }
  return driver;
}

/** Errors: `invalid_parameter` for an unknown IPAM driver, listing the known ones. */
export function ipamOf(parts: Parts, name: string): IpamDriver {
  const ipam = parts.ipams.get(name);
  if (ipam === undefined) {
    const known = [...parts.ipams.keys()].join(', ');
    throw new NetError('invalid_parameter', `unknown IPAM driver ${name}; known are ${known}`);
  }
  return ipam;
}

function found<T>(kind: string, ref: string, record: T | undefined): T {
  if (record === undefined) throw new NetError('not_found', `no ${kind} ${ref}`);
  return record;
}

function recorded<T>(kind: string, id: string, record: T | undefined): T {
  if (record === undefined) throw new NetError('internal', `${kind} ${shortId(id)} is not recorded`);
  return record;
}
