// IPAM driver `foreign`: subnets somebody else gives the addresses of. They are known, and nothing is ever leased from them.
import { familyOf, type InterfaceAddress } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import type { Pool } from '../model/network.ts';
import type { IpamDriver, PoolRequest, PoolStatus } from './ipam-driver.ts';
import { planPool } from './plan-pool.ts';
import { refuseOptions } from './refuse-options.ts';

export class ForeignIpam implements IpamDriver {
  readonly name = 'foreign';

  parseOptions(raw: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    return refuseOptions(this.name, raw);
  }

  /**
   * As it is given: it may overlap others, and has the gateway it is said to have, or none. Whoever gives each interface a
   * subnet of one address has a gateway outside of it.
   */
  async requestPool(request: PoolRequest): Promise<Pool | undefined> {
    const { subnet, range, gateway, reserved, family, networkName } = request;
    const idle = range ?? Object.values(reserved)[0] ?? (subnet === undefined ? gateway : undefined);
    if (idle !== undefined) {
      throw new NetError(
        'invalid_parameter',
        `network ${networkName}: IPAM driver foreign leases no addresses, so ${idle} has no meaning`,
      );
    }
    if (subnet === undefined) return undefined;
    if (gateway !== undefined && familyOf(gateway) !== family) {
      throw new NetError(
        'invalid_parameter',
        `network ${networkName}: gateway ${gateway} is not of the family of subnet ${subnet}`,
      );
    }
    const pool = planPool({ family, wantsGateway: false, reserved, networkName }, subnet);
    return gateway === undefined ? pool : { ...pool, gateway };
  }

  releasePool(): void {}

  requestAddress(pool: Pool): InterfaceAddress {
    throw new NetError('invalid_parameter', `the addresses of ${pool.subnet} are leased by somebody else`);
  }

  holds(): boolean {
    return true;
  }

  releaseAddress(): void {}

  restore(): void {}

  status(): PoolStatus {
    return { leased: 0, capacity: 0n };
  }
}
