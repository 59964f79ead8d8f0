// Where the published ports of an endpoint lead.
import { addressOf, familyOf } from '../base/cidr.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { PortForward } from '../model/policy.ts';
import { isOpened } from '../model/port.ts';

/** A port is forwarded, or open, within the family of its host address; without an endpoint address of that family it is relayed. */
export function portForwards({ ports, addresses }: Endpoint): readonly Omit<PortForward, 'keepSource'>[] {
  return ports.flatMap((port) => {
    const family = familyOf(port.hostAddress);
    const address = addresses.find((one) => familyOf(one) === family);
    if (address === undefined) return [];
    const own = addressOf(address);
    const opened = isOpened(port) && { hostAddress: own, hostPort: port.port };
    return [{ ...port, ...opened, address: own }];
  });
}
