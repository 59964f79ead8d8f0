// Which of an endpoint's addresses a published port leads to.
import { familyOf, type IpAddress } from '../base/cidr.ts';

/** That of the host address's family; where there is none, the other family's, to which the relay carries it. */
export function targetOf<T extends string>(hostAddress: IpAddress, addresses: readonly T[]): T | undefined {
  return addresses.find((address) => familyOf(address) === familyOf(hostAddress)) ?? addresses[0];
}
