// The calls a container engine makes one after the other, on the core of a daemon whose kernel is made of maps.
import type { Cidr, IpAddress } from '../../src/base/cidr.ts';
import { randomId } from '../../src/base/random-id.ts';
import type { CoreController } from '../../src/core/controller.ts';
import type { EngineNetworkRequest } from '../../src/core/engine-requests.ts';
import type { FakeParts } from './fake-parts.ts';

export const subnet = '10.90.0.0/24' as Cidr;
export const gateway = '10.90.0.1' as IpAddress;
export const key = '/var/run/docker/netns/172aa956e432';

/** The engine's ids of a network and its pool. */
export interface EngineIds {
  readonly id: string;
  readonly poolId: string;
}

export function networkRequest(
  id: string,
  changes: Partial<EngineNetworkRequest> = {},
): EngineNetworkRequest {
  const pools = [{ subnet, gateway, reserved: {}, leasedHere: true }];
  return { id, internal: false, ipv4: true, ipv6: false, options: {}, pools, ...changes };
}

/** A network on a pool of ours. */
export async function makeNetwork({ engines }: CoreController): Promise<EngineIds> {
  const pool = await engines.requestPool({ family: 4, subnet, options: {} });
  await engines.requestAddress({ poolId: pool.id, gateway: true });
  const id = randomId();
  await engines.createNetwork(networkRequest(id));
  return { id, poolId: pool.id };
}

/** Joins a network that is there and has that subnet. */
export async function joinNetwork({ engines }: CoreController, network: string): Promise<EngineIds> {
  const pool = await engines.requestPool({ family: 4, subnet, options: { network } });
  const id = randomId();
  await engines.createNetwork(networkRequest(id, { network }));
  return { id, poolId: pool.id };
}

export async function makeEndpoint({ engines }: CoreController, network: EngineIds): Promise<string> {
  const address = await engines.requestAddress({ poolId: network.poolId, gateway: false });
  const id = randomId();
  await engines.createEndpoint({ id, networkId: network.id, addresses: [address], exposed: [], options: {} });
  return id;
}

/** What the engine does with an interface offered to it. */
export function take(parts: FakeParts, ifname: string): void {
  parts.world.namespaces.set(key, new Set(['eth0']));
  parts.world.host.delete(ifname);
  parts.world.taken.set(ifname, { path: key, ifname: 'eth0' });
  parts.changeLink({ ifname });
}
