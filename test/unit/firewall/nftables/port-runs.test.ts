// Runs of ports: which ports are one element, and what of that differs when ports come and go.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Cidr, IpAddress } from '../../../../src/base/cidr.ts';
import { changedForwards } from '../../../../src/firewall/nftables/changed-forwards.ts';
import { changedRuns, type PortRun } from '../../../../src/firewall/nftables/port-runs.ts';
import type { PortForward } from '../../../../src/model/policy.ts';

function forward(port: number, more: Partial<PortForward> = {}): PortForward {
  const address = '10.1.0.2' as IpAddress;
  const hostAddress = '0.0.0.0' as IpAddress;
  return { protocol: 'tcp', port, hostPort: port, hostAddress, address, keepSource: true, ...more };
}

function changed(before: readonly PortForward[], after: readonly PortForward[]) {
  return changedRuns(changedForwards(before, after), before, after);
}

function texts(runs: readonly PortRun[]): readonly string[] {
  return runs.map(textOf).sort();
}

function textOf({ first, size }: PortRun): string {
  const { hostAddress, hostPort, port, protocol, from } = first;
  const shift = port === hostPort ? '' : `:${port}`;
  return `${hostPort}+${size}${shift}/${protocol} ${hostAddress}${from === undefined ? '' : ` ${from}`}`;
}

const other = { hostAddress: '10.1.0.1' as IpAddress };
const some = { from: ['10.0.0.0/8' as Cidr] };

test.for([
  { what: 'one after another', ports: [forward(1), forward(2), forward(3)], runs: ['1+3/tcp 0.0.0.0'] },
  { what: 'in any order', ports: [forward(3), forward(1), forward(2)], runs: ['1+3/tcp 0.0.0.0'] },
  { what: 'with a gap', ports: [forward(1), forward(3)], runs: ['1+1/tcp 0.0.0.0', '3+1/tcp 0.0.0.0'] },
  {
    what: 'of two addresses by turns',
    ports: [forward(1), forward(1, other), forward(2), forward(2, other)],
    runs: ['1+2/tcp 0.0.0.0', '1+2/tcp 10.1.0.1'],
  },
  {
    what: 'for different askers',
    ports: [forward(1, some), forward(2, some), forward(3)],
    runs: ['1+2/tcp 0.0.0.0 10.0.0.0/8', '3+1/tcp 0.0.0.0'],
  },
  {
    what: 'of two protocols',
    ports: [forward(1), forward(2, { protocol: 'udp' })],
    runs: ['1+1/tcp 0.0.0.0', '2+1/udp 0.0.0.0'],
  },
  {
    what: 'that are others at the endpoint',
    ports: [forward(1, { port: 11 }), forward(2, { port: 12 })],
    runs: ['1+1:11/tcp 0.0.0.0', '2+1:12/tcp 0.0.0.0'],
  },
])('ports $what', ({ ports, runs }) => {
  expect(texts(changed([], ports).added)).toEqual(runs);
  expect(texts(changed(ports, []).removed)).toEqual(runs);
});

const lists = fc.uniqueArray(
  fc.record({
    hostPort: fc.integer({ min: 1, max: 9 }),
    shift: fc.constantFrom(0, 0, 0, 1),
    protocol: fc.constantFrom('tcp', 'udp'),
    askers: fc.constantFrom({}, some),
  }),
  { selector: ({ hostPort, protocol }) => `${hostPort} ${protocol}`, maxLength: 20 },
);

test('after any change there are the runs that the same ports make at once', () => {
  const forwards = (list: typeof lists extends fc.Arbitrary<infer T> ? T : never) =>
    list.map(({ hostPort, shift, protocol, askers }) =>
      forward(hostPort, { port: hostPort + shift, protocol, ...askers }),
    );
  fc.assert(
    fc.property(lists, lists, (one, two) => {
      const [before, after] = [forwards(one), forwards(two)];
      const { removed, added } = changed(before, after);
      const old = texts(changed([], before).added);
      const gone = texts(removed);
      expect(old).toEqual(expect.arrayContaining([...gone]));
      const kept = old.filter((run) => !gone.includes(run));
      expect([...kept, ...texts(added)].sort()).toEqual(texts(changed([], after).added));
    }),
  );
});

test('one more single port touches no other', () => {
  const many = Array.from({ length: 50 }, (_, i) => forward(100 + 2 * i));
  const { removed, added } = changed(many, [...many, forward(7)]);
  expect(removed).toEqual([]);
  expect(texts(added)).toEqual(['7+1/tcp 0.0.0.0']);
});
