// Records to put into stores.
import type { Cidr, InterfaceAddress } from '../../../src/base/cidr.ts';
import type { MacAddress } from '../../../src/base/mac.ts';
import type { Endpoint } from '../../../src/model/endpoint.ts';
import type { EndpointId, NetworkId, SandboxId } from '../../../src/model/ids.ts';
import type { Network } from '../../../src/model/network.ts';
import type { Sandbox } from '../../../src/model/sandbox.ts';

const id = (kind: string, n: number) => kind.repeat(32).slice(0, 56) + n.toString(16).padStart(8, '0');

export function network(n: number): Network {
  return {
    id: id('a1', n) as NetworkId,
    name: `lab-${n}`,
    driver: 'bridge',
    createdAt: '2026-01-01T00:00:00.000Z',
    internal: false,
    ipv4: true,
    ipv6: false,
    options: { mtu: '1500', bridge: `fl-${n}` },
    labels: { owner: 'Zoë' },
    ipam: { driver: 'default', options: {}, pools: [{ subnet: `10.${n}.0.0/16` as Cidr, reserved: {} }] },
    builtin: false,
  };
}

export function sandbox(n: number): Sandbox {
  return {
    id: id('b2', n) as SandboxId,
    name: `web-${n}`,
    createdAt: '2026-01-01T00:00:00.000Z',
    bootId: 'boot',
    namespace: { kind: 'pinned', path: `/run/netns/web-${n}`, device: 4, inode: 4026531840 + n },
    hostname: 'web',
    dns: { servers: [], search: [], options: [] },
    extraHosts: [],
    labels: {},
    autoRemove: true,
  };
}

export function endpoint(n: number): Endpoint {
  return {
    id: id('c3', n) as EndpointId,
    networkId: network(1).id,
    sandboxId: sandbox(1).id,
    createdAt: '2026-01-01T00:00:00.000Z',
    ifname: 'eth0',
    mac: '02:42:ac:11:00:02' as MacAddress,
    addresses: [`10.1.${n >> 8}.${n & 255}/16` as InterfaceAddress],
    aliases: ['db', 'cache'],
    links: [],
    gatewayPriority: 0,
    ports: [],
    exposed: [{ protocol: 'tcp', port: 80 }],
    options: {},
  };
}
