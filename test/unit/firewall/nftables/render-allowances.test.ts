// Allowances as elements that do not overlap: together they let through what the allowances say, and nothing else.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Cidr, contains, type IpAddress } from '../../../../src/base/cidr.ts';
import { destinationText } from '../../../../src/firewall/nftables/key.ts';
import type { SetElement } from '../../../../src/firewall/nftables/render.ts';
import { renderAllowances } from '../../../../src/firewall/nftables/render-allowances.ts';
import type { AllowanceId } from '../../../../src/model/ids.ts';
import type { AllowancePolicy } from '../../../../src/model/policy.ts';
import type { Protocol } from '../../../../src/model/port.ts';

type Ports = NonNullable<AllowancePolicy['ports']>;

function allowance(from: string, to: string, ports?: Ports): AllowancePolicy {
  return {
    allowanceId: `${from} ${to}` as AllowanceId,
    from: [from as Cidr],
    to: [to as Cidr],
    ...(ports !== undefined && { ports }),
  };
}

const tcp = (first: number, last = first): Ports => ({ protocol: 'tcp', first, last });
const texts = (...allowances: readonly AllowancePolicy[]) =>
  renderAllowances(allowances).map(({ key, lastKey }) => destinationText(key, lastKey));

const subnet = '10.1.0.0-10.1.0.255';

test.for([
  {
    what: 'every protocol',
    allowances: [allowance('10.1.0.0/24', '10.2.0.2/32')],
    elements: [`0-65535/0-255 on 10.2.0.2 for ${subnet}`],
  },
  {
    what: 'some ports',
    allowances: [allowance('fd01::/64', 'fd02::2/128', tcp(80, 81))],
    elements: ['80-81/tcp on fd02::2 for fd01::-fd01::ffff:ffff:ffff:ffff'],
  },
  {
    what: 'one that says no more than another',
    allowances: [allowance('10.1.0.3/32', '10.2.0.2/32', tcp(80)), allowance('10.1.0.0/24', '10.2.0.0/24')],
    elements: [`0-65535/0-255 on 10.2.0.0-10.2.0.255 for ${subnet}`],
  },
  {
    what: 'the same twice',
    allowances: [allowance('10.1.0.3/32', '10.2.0.2/32'), allowance('10.1.0.3/32', '10.2.0.2/32')],
    elements: ['0-65535/0-255 on 10.2.0.2 for 10.1.0.3'],
  },
  {
    what: 'ends of different families',
    allowances: [allowance('10.1.0.0/24', 'fd02::/64')],
    elements: [],
  },
  {
    what: 'ports that overlap',
    allowances: [
      allowance('10.1.0.3/32', '10.2.0.2/32', tcp(80, 90)),
      allowance('10.1.0.3/32', '10.2.0.2/32', tcp(85, 100)),
    ],
    elements: ['85-100/tcp on 10.2.0.2 for 10.1.0.3', '80-84/tcp on 10.2.0.2 for 10.1.0.3'],
  },
])('$what', ({ allowances, elements }) => {
  expect(texts(...allowances)).toEqual(elements);
});

const subnets = ['10.1.0.0/30', '10.1.0.0/31', '10.1.0.1/32', '10.1.0.2/31', '10.1.0.3/32'];
const protocols: readonly Protocol[] = ['tcp', 'udp'];
const numbers = { tcp: 6, udp: 17, sctp: 132 } as const;
const anyPorts = fc.option(
  fc.record({
    protocol: fc.constantFrom(...protocols),
    first: fc.integer({ min: 1, max: 4 }),
    last: fc.integer({ min: 4, max: 6 }),
  }),
  { nil: undefined },
);
const anyAllowances = fc.array(
  fc
    .tuple(fc.constantFrom(...subnets), fc.constantFrom(...subnets), anyPorts)
    .map(([from, to, ports]) => allowance(from, to, ports)),
  { maxLength: 6 },
);

interface Connection {
  readonly from: IpAddress;
  readonly to: IpAddress;
  readonly protocol: Protocol;
  readonly port: number;
}

const addresses = [0, 1, 2, 3].map((host) => `10.1.0.${host}` as IpAddress);
const connections: readonly Connection[] = addresses.flatMap((from) =>
  addresses.flatMap((to) =>
    protocols.flatMap((protocol) => [0, 1, 3, 4, 5, 7].map((port) => ({ from, to, protocol, port }))),
  ),
);

function says({ from, to, ports }: AllowancePolicy, asked: Connection): boolean {
  const isFor = (subnets: readonly Cidr[], address: IpAddress) =>
    subnets.some((one) => contains(one, address));
  if (!isFor(from, asked.from) || !isFor(to, asked.to)) return false;
  if (ports === undefined) return true;
  return ports.protocol === asked.protocol && ports.first <= asked.port && asked.port <= ports.last;
}

/** The bytes of the key at which fields begin, and where the last ends. */
const fields = [0, 4, 8, 12, 16];

function covers({ key, lastKey = key }: SetElement, { from, to, protocol, port }: Connection): boolean {
  const host = (address: IpAddress) => address.split('.').map(Number);
  const asked = [...host(from), ...host(to), numbers[protocol], 0, 0, 0, port >> 8, port & 0xff, 0, 0];
  return fields.slice(1).every((end, i) => {
    const [first, last] = [key, lastKey].map((bytes) => bytes.subarray(fields[i], end));
    const value = Uint8Array.from(asked.slice(fields[i], end));
    return Buffer.compare(value, first ?? value) >= 0 && Buffer.compare(value, last ?? value) <= 0;
  });
}

test('each connection that is allowed is in one element, and no other is in any', () => {
  fc.assert(
    fc.property(anyAllowances, (allowances) => {
      const elements = renderAllowances(allowances);
      for (const connection of connections) {
        const owners = elements.filter((element) => covers(element, connection));
        const isAllowed = allowances.some((one) => says(one, connection));
        expect({ connection, owners: owners.length }).toEqual({ connection, owners: isAllowed ? 1 : 0 });
      }
    }),
  );
});

test('elements do not depend on the order of allowances', () => {
  fc.assert(
    fc.property(anyAllowances, (allowances) => {
      expect(renderAllowances(allowances.toReversed())).toEqual(renderAllowances(allowances));
    }),
  );
});
