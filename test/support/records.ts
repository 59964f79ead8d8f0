// Records for tests of drivers: whole, with what a test does not name filled in.
import type { Cidr, InterfaceAddress, IpAddress } from '../../src/base/cidr.ts';
import { macFromBytes } from '../../src/base/mac.ts';
import { randomId } from '../../src/base/random-id.ts';
import type { Endpoint } from '../../src/model/endpoint.ts';
import type { EndpointId, NetworkId, SandboxId } from '../../src/model/ids.ts';
import type { Network } from '../../src/model/network.ts';

export interface NetworkSketch {
  readonly driver: Network['driver'];
  readonly name?: string;
  readonly options?: Readonly<Record<string, string>>;
  readonly internal?: boolean;
  readonly ipv6?: boolean;
  readonly pools?: readonly { readonly subnet: string; readonly gateway?: string }[];
}

export function makeNetwork(sketch: NetworkSketch): Network {
  const { driver, name = 'lab', options = {}, internal = false, ipv6 = false, pools = [] } = sketch;
  return {
    id: randomId() as NetworkId,
    name,
    driver,
    createdAt: '2026-01-01T00:00:00.000Z',
    internal,
    ipv4: true,
    ipv6,
    options,
    labels: {},
    ipam: {
      driver: 'default',
      options: {},
      pools: pools.map(({ subnet, gateway }) => ({
        subnet: subnet as Cidr,
        reserved: {},
        ...(gateway !== undefined && { gateway: gateway as IpAddress }),
      })),
    },
    builtin: false,
  };
}

export function makeEndpoint(
  network: Network,
  addresses: readonly string[],
  changes: Partial<Endpoint> = {},
): Endpoint {
  const id = randomId();
  return {
    id: id as EndpointId,
    networkId: network.id,
    sandboxId: randomId() as SandboxId,
    createdAt: '2026-01-01T00:00:00.000Z',
    ifname: 'eth0',
    mac: macFromBytes(Buffer.from(id, 'hex')),
    addresses: addresses as readonly InterfaceAddress[],
    aliases: [],
    links: [],
    gatewayPriority: 0,
    ports: [],
    exposed: [],
    options: {},
    ...changes,
  };
}
