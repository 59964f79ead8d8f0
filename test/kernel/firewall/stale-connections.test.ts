// Clients that keep sending from one port must follow a published port to where it leads now.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Cidr, IpAddress } from '../../../src/base/cidr.ts';
import type { PolicyChange } from '../../../src/firewall/firewall.ts';
import { NftablesFirewall } from '../../../src/firewall/nftables/nftables.ts';
import type { AllowanceId, EndpointId } from '../../../src/model/ids.ts';
import type { PortForward } from '../../../src/model/policy.ts';
import { run } from '../../support/own-network.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { addressOf, endpointPolicy, forward, hostAddress, Lan, networkPolicy } from './lan.ts';
import { takeTable } from './own-table.ts';

const warnings: Error[] = [];
const firewall = new NftablesFirewall({ warn: (error) => warnings.push(error) });
let table: AsyncDisposable;
let lan: Lan;

beforeAll(async () => {
  table = await takeTable();
  lan = await Lan.create();
  await lan.addNetwork(1, [2, 3]);
  await lan.addNetwork(2, [2]);
  for (const place of ['1.2', '1.3']) await lan.serveUdp(place, 53);
  for (const place of ['1.2', '1.3']) await lan.serve(place);
}, 150_000);

beforeEach(async () => {
  run('conntrack -F');
  await firewall.replace({ networks: [networkPolicy(1)], endpoints: [] });
});

afterEach(() => expect(warnings).toEqual([]));

afterAll(async () => {
  await firewall.close();
  await lan?.[Symbol.asyncDispose]();
  await table?.[Symbol.asyncDispose]();
});

/** Always from the same port: one client as connection tracking sees it. */
function askUdp(family: 4 | 6 = 4): Promise<string> {
  return lan.askUdp('outside', hostAddress[family], 5300, 4000);
}

function dns(endpoint: number, family: 4 | 6 = 4, more: Partial<PortForward> = {}): PolicyChange {
  const port = forward(5300, addressOf(1, endpoint, family), { protocol: 'udp', port: 53, ...more });
  return { endpoint: endpointPolicy(`dns-${endpoint}-${family}`, 1, [port]) };
}

function removed(endpoint: number): PolicyChange {
  return { removedEndpoint: `dns-${endpoint}-4` as EndpointId };
}

function entries(...filter: readonly string[]): string {
  return run(['conntrack', '-L', ...filter].join(' '));
}

test.for([4, 6] as const)(
  'a client that asked before a UDP port was published is answered after: IPv%i',
  async (family) => {
    expect(await askUdp(family)).toBe('refused');
    await firewall.apply([dns(2, family)]);
    expect(await askUdp(family)).toContain('1.2 ');
    await firewall.apply([{ removedEndpoint: `dns-2-${family}` as EndpointId }]);
  },
);

test('a client follows a UDP port that moves to another endpoint', async () => {
  await firewall.apply([dns(2)]);
  expect(await askUdp()).toContain('1.2 ');
  await firewall.apply([removed(2), dns(3)]);
  expect(await askUdp()).toContain('1.3 ');
  await firewall.apply([removed(3)]);
});

test('a client is sent away when a UDP port is no longer published', async () => {
  await firewall.apply([dns(2)]);
  expect(await askUdp()).toContain('1.2 ');
  await firewall.apply([removed(2)]);
  await waitUntil('the connection is ended', () => entries('-p', 'udp', '--orig-port-dst', '5300') === '');
  expect(await askUdp()).toBe('refused');
});

test('a client gets the new source rule of its port', async () => {
  await firewall.apply([dns(2)]);
  expect(await askUdp()).toBe('1.2 10.82.0.2');
  await firewall.apply([dns(2, 4, { keepSource: false })]);
  expect(await askUdp()).toBe(`1.2 ${addressOf(1, 1)}`);
  await firewall.apply([removed(2)]);
});

test('TCP connections to an endpoint that is gone are forgotten, those to others are not', async () => {
  const web = [2, 3].map((endpoint) =>
    endpointPolicy(`web-${endpoint}`, 1, [forward(8000 + endpoint, addressOf(1, endpoint))]),
  );
  await firewall.apply(web.map((endpoint) => ({ endpoint })));
  for (const endpoint of [2, 3]) {
    expect(await lan.ask('outside', hostAddress[4], 8000 + endpoint)).toContain(`1.${endpoint}`);
  }
  await firewall.apply([{ removedEndpoint: 'web-2' as EndpointId }]);
  await waitUntil('it is forgotten', () => entries('-p', 'tcp', '--reply-src', addressOf(1, 2)) === '');
  expect(entries('-p', 'tcp', '--reply-src', addressOf(1, 3))).toContain('dport=8003');
});

test('TCP connections by a port that is taken back are forgotten, those by another port are not', async () => {
  const ports = [8000, 8001].map((hostPort) => forward(hostPort, addressOf(1, 2)));
  await firewall.apply([{ endpoint: endpointPolicy('web', 1, ports) }]);
  for (const { hostPort } of ports)
    expect(await lan.ask('outside', hostAddress[4], hostPort)).toContain('1.2');
  await firewall.apply([{ endpoint: endpointPolicy('web', 1, ports.slice(1)) }]);
  await waitUntil('it is forgotten', () => entries('-p', 'tcp', '--orig-port-dst', '8000') === '');
  expect(entries('-p', 'tcp', '--orig-port-dst', '8001')).toContain(addressOf(1, 2));
  await firewall.apply([{ removedEndpoint: 'web' as EndpointId }]);
});

test('TCP connections of askers a port is no longer for are forgotten, those of others are not', async () => {
  const web = (hostPort: number, from?: string) =>
    forward(hostPort, addressOf(1, 2), from === undefined ? {} : { from: [from as Cidr] });
  await firewall.apply([{ endpoint: endpointPolicy('web', 1, [web(8000), web(8001)]) }]);
  for (const port of [8000, 8001]) expect(await lan.ask('outside', hostAddress[4], port)).toContain('1.2');
  const narrowed = [web(8000, '192.0.2.0/24'), web(8001, '10.82.0.0/24')];
  await firewall.apply([{ endpoint: endpointPolicy('web', 1, narrowed) }]);
  await waitUntil('it is forgotten', () => entries('-p', 'tcp', '--orig-port-dst', '8000') === '');
  expect(entries('-p', 'tcp', '--orig-port-dst', '8001')).toContain(addressOf(1, 2));
  await firewall.apply([{ removedEndpoint: 'web' as EndpointId }]);
});

test('publishing one port leaves connections to others, and to the same port of other addresses, alone', async () => {
  await firewall.apply([dns(2)]);
  expect(await askUdp()).toContain('1.2 ');
  const more = [5301, 5302].map((hostPort) =>
    forward(hostPort, addressOf(1, 3), {
      protocol: 'udp',
      port: 53,
      hostAddress: hostAddress[4] as IpAddress,
    }),
  );
  const elsewhere = forward(5300, addressOf(1, 3), { protocol: 'udp', hostAddress: addressOf(1, 1) });
  const before = entries('-p', 'udp', '--orig-port-dst', '5300');
  await firewall.apply([{ endpoint: endpointPolicy('more', 1, [...more, elsewhere]) }]);
  expect(idsOf(entries('-p', 'udp', '--orig-port-dst', '5300'))).toEqual(idsOf(before));
});

/** Connections without what changes with time. */
function idsOf(text: string): readonly string[] {
  return text.match(/src=.*dport=\d+/g) ?? [];
}

test.for([4, 6] as const)('an allowance that goes ends what it let through: IPv%i', async (family) => {
  const whole = family === 4 ? 32 : 128;
  const allowance = (id: string, to: readonly IpAddress[]): PolicyChange => ({
    allowance: {
      allowanceId: id as AllowanceId,
      from: networkPolicy(2).subnets,
      to: to.map((address) => `${address}/${whole}` as Cidr),
    },
  });
  const [first, second] = [addressOf(1, 2, family), addressOf(1, 3, family)];
  const ask = (address: IpAddress) => lan.askUdp('2.2', address, 53, 4001, 0.5);
  await firewall.replace({ networks: [networkPolicy(1), networkPolicy(2)], endpoints: [] });
  await firewall.apply([allowance('both', [first, second]), allowance('second', [second])]);
  expect([await ask(first), await ask(second)]).toEqual([
    expect.stringContaining('1.2 '),
    expect.stringContaining('1.3 '),
  ]);
  const kept = entries('-f', `ipv${family}`, '-p', 'udp', '-d', second);
  await firewall.apply([{ removedAllowance: 'both' as AllowanceId }]);
  await waitUntil('the connection is forgotten', () => !entries('-f', `ipv${family}`).includes(first));
  expect(await ask(first)).toBe('silence');
  expect(kept).toContain(second);
  expect(entries('-f', `ipv${family}`, '-p', 'udp', '-d', second)).toContain('dport=53');
  expect(await ask(second)).toContain('1.3 ');
});
