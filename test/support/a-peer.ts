// An endpoint of another host, as this one is told of it.
import type { InterfaceAddress, IpAddress } from '../../src/base/cidr.ts';
import type { MacAddress } from '../../src/base/mac.ts';
import { randomId } from '../../src/base/random-id.ts';
import type { EndpointId, HostId, NetworkId, SandboxId } from '../../src/model/ids.ts';
import type { Peer } from '../../src/model/peer.ts';

/** `job` on host `h2`, unless said otherwise. */
export function aPeer({ id: networkId }: { readonly id: NetworkId }, changes: Partial<Peer> = {}): Peer {
  return {
    id: randomId() as EndpointId,
    networkId,
    sandboxId: randomId() as SandboxId,
    names: ['job'],
    mac: '02:00:00:00:00:99' as MacAddress,
    addresses: ['10.90.0.77/24' as InterfaceAddress],
    services: [],
    host: {
      id: '2'.padStart(32, '0') as HostId,
      name: 'h2',
      address: '192.0.2.2' as IpAddress,
      mac: '02:00:00:00:00:02' as MacAddress,
      mtuBytes: 1500,
    },
    ...changes,
  };
}
