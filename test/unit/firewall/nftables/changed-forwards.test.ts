// The difference between two lists of ports.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { IpAddress } from '../../../../src/base/cidr.ts';
import { changedForwards } from '../../../../src/firewall/nftables/changed-forwards.ts';
import type { PortForward } from '../../../../src/model/policy.ts';

const forward = (hostPort: number, keepSource = true): PortForward => ({
  protocol: 'tcp',
  port: 80,
  hostPort,
  hostAddress: '0.0.0.0' as IpAddress,
  address: '10.1.0.2' as IpAddress,
  keepSource,
});

const ports = (list: readonly PortForward[]) => list.map(({ hostPort }) => hostPort).sort((a, b) => a - b);
const lists = fc.uniqueArray(fc.integer({ min: 1, max: 12 }));

test('what is in both lists is neither removed nor added, whatever the order', () => {
  fc.assert(
    fc.property(lists, lists, (before, after) => {
      const { removed, added } = changedForwards(
        before.map((port) => forward(port)),
        after.map((port) => forward(port)),
      );
      expect(ports(removed)).toEqual(before.filter((port) => !after.includes(port)).sort((a, b) => a - b));
      expect(ports(added)).toEqual(after.filter((port) => !before.includes(port)).sort((a, b) => a - b));
    }),
  );
});

test('a port whose source rule changes is removed and added', () => {
  expect(changedForwards([forward(1)], [forward(1, false)])).toEqual({
    removed: [forward(1)],
    added: [forward(1, false)],
  });
});
