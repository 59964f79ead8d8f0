// The pools of a network, reserved by its IPAM driver before the network is recorded with them.
import type { IpFamily } from '../base/cidr.ts';
import type { Undo } from '../base/undo.ts';
import type { Driver } from '../drivers/driver.ts';
import type { IpamDriver } from '../ipam/ipam-driver.ts';
import { needsGateway } from '../model/gateway.ts';
import type { NetworkId } from '../model/ids.ts';
import type { Network, Pool } from '../model/network.ts';
import type { Parts } from './parts.ts';
import type { PoolConfig } from './requests.ts';

/** The network the pools are for, recorded or not yet. */
export interface PoolOwner extends Pick<Network, 'options' | 'internal'> {
  readonly id: NetworkId;
  readonly name: string;
  readonly driver: Driver;
  readonly ipam: IpamDriver;
}

/** Undone, they are given back, unless the network is recorded with them. Errors: as `IpamDriver.requestPool`. */
export async function requestPools(
  parts: Parts,
  owner: PoolOwner,
  configs: readonly (PoolConfig & { readonly family: IpFamily })[],
  undo: Undo,
): Promise<readonly Pool[]> {
  const { id, name, driver, ipam } = owner;
  const pools: Pool[] = [];
  for (const config of configs) {
    const wantsGateway =
      driver.hasGateway && config.withoutGateway !== true && needsGateway(owner, config.family);
    const fromEnd = driver.scope === 'global';
    const pool = await ipam.requestPool({ ...config, wantsGateway, fromEnd, networkName: name });
    if (pool === undefined) continue;
    undo(() => {
      const recorded = parts.store.state.networks.get(id)?.ipam.pools ?? [];
      if (!recorded.some(({ subnet }) => subnet === pool.subnet)) ipam.releasePool(pool);
    });
    pools.push(pool);
  }
  return pools;
}
