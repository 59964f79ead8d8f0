// Loading from headers and writing to them: the same kind for the kernel, told apart by the register's direction.
import { expect, test } from 'vitest';
import { Attributes } from '../../../../src/kernel/netlink/attribute.ts';
import { Batch } from '../../../../src/kernel/nftables/batch.ts';
import { headerBytes } from '../../../../src/kernel/nftables/nfnetlink.ts';
import { decodeRule, type Rule } from '../../../../src/kernel/nftables/rule.ts';
import { middle } from './capture.ts';

const place = { kind: 'payload', header: 'transport', offsetBytes: 2, lengthBytes: 2 } as const;

test.for<{ name: string; rule: Rule }>([
  { name: 'a load', rule: [{ ...place, to: 1 }] },
  { name: 'a write', rule: [{ ...place, from: 1 }] },
  { name: 'a write to the network header', rule: [{ ...place, header: 'network', from: 0 }] },
])('$name is read as it was written', ({ rule }) => {
  const { payload } = middle(new Batch('t', 'ip').addRule('c', rule).finish());
  expect(decodeRule(new Attributes(payload.subarray(headerBytes))).rule).toEqual(rule);
});
