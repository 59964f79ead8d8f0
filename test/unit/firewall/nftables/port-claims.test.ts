// A port leads to one place, however it is kept.
import { expect, test } from 'vitest';
import type { Cidr, IpAddress } from '../../../../src/base/cidr.ts';
import { Ruleset } from '../../../../src/firewall/nftables/ruleset.ts';
import type { EndpointId, NetworkId } from '../../../../src/model/ids.ts';
import type { EndpointPolicy, PortForward } from '../../../../src/model/policy.ts';

const anywhere = '0.0.0.0' as IpAddress;

function endpoint(id: string, ...forwards: readonly PortForward[]): EndpointPolicy {
  return { endpointId: id as EndpointId, networkId: 'n' as NetworkId, forwards };
}

function ports(first: number, last: number, more: Partial<PortForward> = {}): readonly PortForward[] {
  return Array.from({ length: last - first + 1 }, (_, i) => ({
    protocol: 'tcp',
    hostAddress: anywhere,
    hostPort: first + i,
    address: '10.1.0.2' as IpAddress,
    port: first + i,
    keepSource: true,
    ...more,
  }));
}

const elsewhere = { address: '10.1.0.3' as IpAddress };
const range = endpoint('range', ...ports(8000, 8009));

test.for([
  { what: 'a single port of a range', more: ports(8005, 8005, { port: 80 }), port: '8005/tcp' },
  { what: 'a range across another', more: ports(7999, 8010, elsewhere), port: '8000/tcp' },
  { what: 'for some askers', more: ports(8001, 8001, { from: ['10.0.0.0/8' as Cidr] }), port: '8001/tcp' },
])('is published twice: $what', ({ more, port }) => {
  const ruleset = Ruleset.of({ networks: [], endpoints: [range] });
  expect(() => ruleset.stage([{ endpoint: endpoint('more', ...more) }])).toThrow(
    `port ${port} is published twice`,
  );
  expect(() =>
    Ruleset.of({ networks: [], endpoints: [endpoint('one', ...range.forwards, ...more)] }),
  ).toThrow(`port ${port} is published twice`);
});

test('a port is free for another when it is given up, also in one change', () => {
  const ruleset = Ruleset.of({ networks: [], endpoints: [range] });
  const next = endpoint('next', ...ports(8000, 8004, elsewhere));
  const shorter = endpoint('range', ...ports(8005, 8009));
  ruleset.accept(ruleset.stage([{ endpoint: next }, { endpoint: shorter }]));
  expect(() => ruleset.stage([{ endpoint: range }])).toThrow('port 8000/tcp is published twice');
  ruleset.accept(ruleset.stage([{ removedEndpoint: next.endpointId }]));
  ruleset.accept(ruleset.stage([{ endpoint: range }]));
  expect([...ruleset.elements()]).toHaveLength(1);
});

test('a port on one address is another than the same on another', () => {
  const addresses = ['127.0.0.1', '192.0.2.1'] as IpAddress[];
  const forwards = addresses.flatMap((hostAddress) => ports(8000, 8001, { hostAddress }));
  const ruleset = Ruleset.of({ networks: [], endpoints: [endpoint('one', ...forwards)] });
  expect([...ruleset.elements()].map(({ set }) => set).sort()).toEqual([
    'loopback-ranges',
    'ranges-ipv4',
    'ranges-ipv4',
  ]);
});
