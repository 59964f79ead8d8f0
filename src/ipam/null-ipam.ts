// IPAM driver `null`: networks whose endpoints get no addresses.
import type { InterfaceAddress } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import type { Pool } from '../model/network.ts';
import type { IpamDriver, PoolRequest, PoolStatus } from './ipam-driver.ts';
import { refuseOptions } from './refuse-options.ts';

export class NullIpam implements IpamDriver {
  readonly name = 'null';

  parseOptions(raw: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    return refuseOptions(this.name, raw);
  }

  async requestPool(request: PoolRequest): Promise<undefined> {
    const { subnet, range, gateway, reserved, networkName } = request;
    const given = subnet ?? range ?? gateway ?? Object.values(reserved)[0];
    if (given === undefined) return undefined;
    throw new NetError(
      'invalid_parameter',
      `network ${networkName}: IPAM driver null gives no addresses, so ${given} has no meaning`,
    );
  }

  releasePool(): void {}

  requestAddress(pool: Pool): InterfaceAddress {
    throw new NetError('not_found', `pool ${pool.subnet} is not known to IPAM driver null`);
  }

  holds(): boolean {
    return false;
  }

  releaseAddress(): void {}

  restore(): void {}

  status(): PoolStatus {
    return { leased: 0, capacity: 0n };
  }
}
