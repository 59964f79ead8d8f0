// Whose the addresses of a subnet are, where a host has a network of its own on it.
import { expect, test } from 'vitest';
import type { Cidr } from '../../../src/base/cidr.ts';
import { sharedBlocks } from '../../../src/bin/shared-blocks.ts';
import type { Network } from '../../../src/model/network.ts';
import { network } from '../cluster/shared/bed.ts';

const subnet = '10.0.0.0/24' as Cidr;
const block = '10.0.0.8/29' as Cidr;
const cluster = { blocksOf: () => [block], claimBlock: async () => block };

const cases: readonly {
  readonly what: string;
  readonly recorded: readonly Network[];
  readonly own: boolean;
}[] = [
  { what: 'that is this host’s own', recorded: [network('lab')], own: true },
  { what: 'that is shared', recorded: [{ ...network('lab'), shared: true }], own: false },
  { what: 'that is being made', recorded: [{ ...network('lab'), pending: true }], own: false },
  { what: 'with another subnet', recorded: [network('lab', '10.0.1.0/24')], own: false },
];

for (const { what, recorded, own } of cases) {
  test(`of a network ${what} addresses are ${own ? 'given without blocks' : 'those of blocks'}`, () => {
    const networks = new Map(recorded.map((one) => [one.id, one]));
    const state = { networks } as never;
    expect(sharedBlocks(cluster, { state }).blocksOf(subnet)).toEqual(own ? undefined : [block]);
  });
}
