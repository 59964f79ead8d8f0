// Messages compared with those nft(8) sends for the same thing.
import { expect, test } from 'vitest';
import { Attributes } from '../../../../src/kernel/netlink/attribute.ts';
import { decodeMessage, NLM_F_ACK, splitMessages } from '../../../../src/kernel/netlink/message.ts';
import { Batch } from '../../../../src/kernel/nftables/batch.ts';
import { decodeChain } from '../../../../src/kernel/nftables/chain.ts';
import { decodeElements } from '../../../../src/kernel/nftables/element.ts';
import { headerBytes } from '../../../../src/kernel/nftables/nfnetlink.ts';
import { decodeRule, type Rule } from '../../../../src/kernel/nftables/rule.ts';
import { decodeSet, type NftSet, setForm } from '../../../../src/kernel/nftables/set.ts';
import { captured, middle } from './capture.ts';

const bridge = Uint8Array.from(Buffer.from('br0'.padEnd(16, '\0')));
const forward = { name: 'forward', base: { type: 'filter', hook: 'forward', priority: 0 } } as const;
const dropping = {
  name: 'f',
  base: { type: 'filter', hook: 'forward', priority: 0, policy: 'drop' },
} as const;
const drop: Rule = [{ kind: 'immediate', verdict: 'drop' }];
const port = {
  key: Uint8Array.of(6, 0, 0, 0, 0x1f, 0x90, 0, 0),
  data: Uint8Array.of(10, 1, 0, 2, 0, 80, 0, 0),
};

test.for([
  { name: 'table', batch: () => new Batch('u').addTable(0) },
  { name: 'chain', batch: () => new Batch('t').addChain({ name: 'e' }) },
  { name: 'base-chain', batch: () => new Batch('t').addChain(forward) },
  { name: 'drop-chain', batch: () => new Batch('t', 'ip').addChain(dropping) },
  { name: 'set', batch: () => new Batch('t').addSet({ name: 'more', key: ['ifname'] }) },
  { name: 'insert-rule', batch: () => new Batch('t', 'ip').insertRule('c', 2n, drop) },
  { name: 'delete-rule', batch: () => new Batch('t', 'ip').deleteRule('c', 2n) },
])('a $name is written byte for byte as nft writes it', ({ name, batch }) => {
  const { type, family, bytes } = captured(name);
  const ours = middle(batch().finish());
  expect({ type: ours.type & 0xff, family: ours.payload[0] }).toEqual({ type, family });
  expect(Uint8Array.from(ours.payload.subarray(headerBytes))).toEqual(Uint8Array.from(bytes));
});

test.for([
  { name: 'element', elements: [port] },
  { name: 'verdict-element', elements: [{ key: bridge, data: { jump: 'd' } }] },
])('an $name is read from what nft writes, and from what is written here', ({ name, elements }) => {
  expect([...decodeElements(captured(name).attributes)]).toEqual(elements);
});

test('a set has the form nft gives it', () => {
  const set: NftSet = { name: 'more', key: ['ifname'] };
  expect(decodeSet(captured('set').attributes)).toEqual({ name: set.name, form: setForm(set) });
});

test('fields of a concatenation take four bytes at least', () => {
  const address = setForm({
    name: '',
    key: ['ipv4_addr', 'inet_proto', 'inet_service'],
    data: ['ipv6_addr'],
  });
  expect(address).toBe('8 12 8 16');
});

test('a base chain is read from what nft writes', () => {
  expect(decodeChain(captured('base-chain').attributes)).toEqual({ table: 't', ...forward });
  expect(decodeChain(captured('drop-chain').attributes)).toEqual({ table: 't', ...dropping });
  expect(decodeChain(captured('chain').attributes)).toEqual({ table: 't', name: 'e' });
});

test('a rule is read with its handle, and with the counter iptables gives it', () => {
  const counted = [{ kind: 'counter' }, { kind: 'immediate', verdict: 'return' }];
  expect(decodeRule(captured('counter').attributes).rule).toEqual(counted);
  expect(decodeRule(captured('delete-rule').attributes)).toEqual({ chain: 'c', handle: 2n, rule: [] });
});

test('only the last change of a batch asks for an acknowledgement', () => {
  const flags = (batch: Batch) =>
    splitMessages(batch.finish()).map((message) => (decodeMessage(message).flags & NLM_F_ACK) !== 0);
  expect(flags(new Batch('t').deleteTable().addTable(0).addChain(forward))).toEqual([
    false,
    false,
    false,
    true,
    false,
  ]);
});

test('many elements are sent in several messages, each list of less than 64 KiB', () => {
  const elements = Array.from({ length: 1200 }, (_, i) => ({
    key: Uint8Array.of(i >> 8, i, 0, 0),
    data: new Uint8Array(20),
  }));
  const messages = splitMessages(new Batch('t').addElements('s', elements).finish()).slice(1, -1);
  const sent = messages.map((message) => [
    ...decodeElements(new Attributes(decodeMessage(message).payload.subarray(headerBytes))),
  ]);
  expect(sent.map((list) => list.length)).toEqual([500, 500, 200]);
  expect(sent.flat()).toEqual(elements);
});
