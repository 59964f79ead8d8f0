import fc from 'fast-check';
import { expect, test } from 'vitest';
import { testPlugin } from '../../../support/test-plugin.ts';

const NetworkID = 'a'.repeat(64);
const EndpointID = 'e'.repeat(64);
const methods = [
  ...['CreateNetwork', 'DeleteNetwork', 'AllocateNetwork', 'FreeNetwork', 'GwAllocCheck'],
  ...['CreateEndpoint', 'EndpointOperInfo', 'DeleteEndpoint', 'Join', 'Leave'],
  ...['ProgramExternalConnectivity', 'RevokeExternalConnectivity', 'DiscoverNew', 'DiscoverDelete'],
].map((name) => `NetworkDriver.${name}`);
const ipamMethods = ['RequestPool', 'ReleasePool', 'RequestAddress', 'ReleaseAddress'];
const all = [...methods, ...ipamMethods.map((name) => `IpamDriver.${name}`)];

const address = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.string(),
  fc.constantFrom('', '/', '10.0.0.0/8', '::/0', 'fd00::/64'),
);
const cidr = fc
  .tuple(address, fc.integer({ min: -1, max: 130 }))
  .map(([base, length]) => `${base}/${length}`);
const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), address, cidr);
const port = fc.record(
  {
    Proto: fc.oneof(fc.constantFrom(6, 17, 132, 0), value),
    Port: fc.oneof(fc.nat(70_000), value),
    HostIP: value,
    HostPort: value,
    HostPortEnd: value,
  },
  { requiredKeys: [] },
);
const pool = fc.record(
  {
    AddressSpace: value,
    Pool: cidr,
    Gateway: value,
    AuxAddresses: fc.oneof(value, fc.dictionary(fc.string(), value)),
  },
  { requiredKeys: [] },
);
const options = fc.record(
  {
    'com.docker.network.generic': fc.oneof(value, fc.dictionary(fc.string(), fc.oneof(fc.string(), value))),
    'com.docker.network.enable_ipv6': fc.oneof(fc.boolean(), value),
    'com.docker.network.endpoint.exposedports': fc.oneof(value, fc.array(port)),
    'com.docker.network.portmap': fc.oneof(value, fc.array(port)),
    anything: value,
    __proto__: value,
  },
  { requiredKeys: [] },
);
const body = fc.record(
  {
    NetworkID: fc.oneof(fc.constant(NetworkID), value),
    EndpointID: fc.oneof(fc.constant(EndpointID), value),
    Options: fc.oneof(options, value),
    IPv4Data: fc.oneof(fc.array(pool), value),
    IPv6Data: fc.oneof(fc.array(pool), value),
    Interface: fc.oneof(
      fc.record({ Address: value, AddressIPv6: value, MacAddress: value }, { requiredKeys: [] }),
      value,
    ),
    SandboxKey: fc.oneof(fc.string(), value),
    AddressSpace: fc.oneof(fc.constant('fairlead-local'), value),
    Pool: fc.oneof(cidr, value),
    SubPool: fc.oneof(cidr, value),
    V6: fc.oneof(fc.boolean(), value),
    PoolID: fc.oneof(fc.string(), value),
    Address: value,
    DiscoveryType: value,
  },
  { requiredKeys: [] },
);

test('whatever is sent is answered, and never with a failure of ours', async () => {
  const { call, logged } = testPlugin();
  const seen = new Set<number>();
  const property = fc.asyncProperty(fc.constantFrom(...all), fc.oneof(body, value), async (method, sent) => {
    const answer = await call(method, JSON.stringify(sent));
    seen.add(answer.status);
    expect([200, 400]).toContain(answer.status);
    if (answer.status === 400) expect(answer.body.Err).toEqual(expect.any(String));
  });
  await fc.assert(property, { numRuns: 1500 });
  expect(logged()).not.toContain('a request failed');
  expect([...seen].sort()).toEqual([200, 400]);
});
