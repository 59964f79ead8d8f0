// Where the published ports of an endpoint lead.
import { addressOf, familyOf } from '../base/cidr.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { PortForward } from '../model/policy.ts';

/** A port is forwarded within the family of its host address; without an endpoint address of that family it is not. */
export function portForwards({ ports, addresses }: Endpoint): readonly Omit<PortForward, 'keepSource'>[] {
  return ports.flatMap((port) => {
    const family = familyOf(port.hostAddress);
    const address = addresses.find((one) => familyOf(one) === family);
    return address === undefined ? [] : [{ ...port, address: addressOf(address) }];
  });
}
