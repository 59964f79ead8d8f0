// The addresses of an endpoint: leased from the pools of its network, or chosen by somebody else.
import { addressOf, contains, familyOf, type InterfaceAddress, type IpAddress } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import type { Undo } from '../base/undo.ts';
import type { LeaseRange } from '../ipam/ipam-driver.ts';
import type { EndpointId } from '../model/ids.ts';
import type { Network, Pool } from '../model/network.ts';
import { endpointsOfNetwork, hasAddress, ipamOf } from './lookup.ts';
import type { Parts } from './parts.ts';
import type { AddressChoice, EndpointConfig } from './requests.ts';

type Lease = (pool: Pool, wanted?: IpAddress | LeaseRange) => Promise<InterfaceAddress>;

/** IPv4 first. Errors: `invalid_parameter`, `conflict` (address in use), `exhausted`; `unavailable` (other hosts cannot be asked). */
export async function leaseAddresses(
  parts: Parts,
  { id, network }: { readonly id: EndpointId; readonly network: Network },
  { addresses = [], leases, given = [] }: Pick<EndpointConfig, 'addresses' | 'leases' | 'given'>,
  undo: Undo,
): Promise<readonly InterfaceAddress[]> {
  const ipam = ipamOf(parts, network.ipam.driver);
  const lease: Lease = async (pool, wanted) => {
    const address = await ipam.requestAddress(pool, wanted);
    // What could not be taken back from the records is removed later, and gives its address back then.
    undo(() => {
      if (!parts.store.state.endpoints.has(id)) ipam.releaseAddress(pool, addressOf(address));
    });
    return address;
  };
  for (const address of given) checkGiven(parts, network, addressOf(address));
  const chosenElsewhere = leases !== undefined || given.length > 0;
  const leased = chosenElsewhere
    ? await oneByOne(leases ?? [], (choice) => leaseChoice(network, choice, lease))
    : await leaseOfEachPool(network, addresses, lease);
  return [...leased, ...given].sort((a, b) => familyOf(a) - familyOf(b));
}

/** The pool of the network an address lies in. */
export function poolOf(network: Network, address: IpAddress): Pool | undefined {
  return network.ipam.pools.find(({ subnet }) => contains(subnet, address));
}

async function leaseOfEachPool(
  network: Network,
  wanted: readonly IpAddress[],
  lease: Lease,
): Promise<readonly InterfaceAddress[]> {
  const rest = [...wanted];
  const leased = await oneByOne(network.ipam.pools, (pool) => {
    const index = rest.findIndex((address) => familyOf(address) === familyOf(pool.subnet));
    return lease(pool, index < 0 ? undefined : rest.splice(index, 1)[0]);
  });
  const [extra] = rest;
  if (extra !== undefined) {
    throw new NetError(
      'invalid_parameter',
      `address ${extra}: network ${network.name} has no further IPv${familyOf(extra)} subnet for it`,
    );
  }
  return leased;
}

/** What was leased before one that fails is given back by its undo step. */
async function oneByOne<T>(
  all: readonly T[],
  lease: (one: T) => Promise<InterfaceAddress>,
): Promise<InterfaceAddress[]> {
  const leased: InterfaceAddress[] = [];
  for (const one of all) leased.push(await lease(one));
  return leased;
}

async function leaseChoice(network: Network, choice: AddressChoice, lease: Lease): Promise<InterfaceAddress> {
  if (typeof choice === 'string') return lease(poolFor(network, choice), choice);
  let full: unknown = new NetError('invalid_parameter', `network ${network.name}: no range to lease from`);
  for (const range of choice) {
    try {
      return await lease(poolFor(network, range.first), range);
    } catch (error) {
      if (!(error instanceof NetError) || error.code !== 'exhausted') throw error;
      full = error;
    }
  }
  throw full;
}

/** Errors: `invalid_parameter` naming the network's subnets. */
export function poolFor(network: Network, address: IpAddress): Pool {
  const pool = poolOf(network, address);
  if (pool !== undefined) return pool;
  const subnets = network.ipam.pools.map(({ subnet }) => subnet).join(', ') || 'none';
  throw new NetError(
    'invalid_parameter',
    `address ${address} is in no subnet of network ${network.name} (${subnets})`,
  );
}

function checkGiven(parts: Parts, network: Network, address: IpAddress): void {
  const owner = endpointsOfNetwork(parts.store.state, network.id).find(hasAddress(address));
  if (owner === undefined) return;
  const name = parts.store.state.sandboxes.get(owner.sandboxId)?.name ?? owner.sandboxId;
  throw new NetError('conflict', `address ${address} on network ${network.name} is that of sandbox ${name}`);
}
