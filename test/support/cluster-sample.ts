// What a cluster of two hosts looks like to the doors of the first.
import type { InterfaceAddress, IpAddress } from '../../src/base/cidr.ts';
import type { MacAddress } from '../../src/base/mac.ts';
import { randomId } from '../../src/base/random-id.ts';
import type { ClusterView } from '../../src/model/cluster-view.ts';
import type { EndpointId, HostId, NetworkId, SandboxId } from '../../src/model/ids.ts';
import type { ClusterHost, Peer } from '../../src/model/peer.ts';

export const otherHost: ClusterHost = {
  id: 'b'.repeat(64) as HostId,
  name: 'beta',
  address: '192.0.2.2' as IpAddress,
  mac: '02:00:00:00:00:02' as MacAddress,
  mtuBytes: 1500,
};

/** An endpoint of the other host. */
export function samplePeer(name: string, address: string): Peer {
  return {
    id: randomId() as EndpointId,
    networkId: randomId() as NetworkId,
    sandboxId: randomId() as SandboxId,
    names: [name, `${name}-alias`],
    mac: '02:00:00:00:0b:01' as MacAddress,
    addresses: [address as InterfaceAddress],
    services: [],
    host: otherHost,
  };
}

/** Every field is there. */
export const joinedCluster: ClusterView = {
  state: 'joined',
  hostId: 'a'.repeat(64) as HostId,
  hostName: 'alpha',
  address: '192.0.2.1' as IpAddress,
  endpoints: ['http://192.0.2.9:2379', 'http://192.0.2.8:2379'],
  prefix: '/fairlead',
  members: [
    {
      id: 'a'.repeat(64) as HostId,
      name: 'alpha',
      address: '192.0.2.1' as IpAddress,
      alive: true,
      self: true,
    },
    { id: otherHost.id, name: 'beta', address: otherHost.address, alive: false, self: false },
  ],
  lease: { id: '694d77aa', ttlSeconds: 30, renewedSecondsAgo: 4.7 },
  graceSeconds: 86_400,
  revision: { newest: 123, behindSeconds: 4 },
  unpublished: 1,
  unusable: [{ network: 'wide', reason: 'VNI 4096 is taken by link vx0' }],
  lastError: { at: '2030-01-01T00:00:00.000Z', message: '192.0.2.8:2379 does not answer' },
};
