// Everybody's rules as nft makes them, read back with what is known of their meaning.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readRuleset, type WholeRuleset } from '../../../src/kernel/nftables/whole-ruleset.ts';
import { requireOwnNetwork, run } from '../../support/own-network.ts';

const statements = [
  'tcp dport 80 accept',
  'ip saddr 10.0.0.0/8 drop',
  'tcp dport 1000-2000 drop',
  'meta mark 7 reject',
  'limit rate 1/second accept',
  'limit rate over 1/second drop',
  'quota 1000 bytes accept',
  'quota over 1000 bytes drop',
  'ip saddr @some drop',
  'goto other',
  'meta random & 1 == 1 drop',
];
let ruleset: WholeRuleset;

beforeAll(async () => {
  requireOwnNetwork();
  run('nft add table inet site');
  run('nft add set inet site some { type ipv4_addr; flags interval; elements = { 10.1.0.0/16 }; }');
  run('nft add chain inet site other');
  run('nft add chain inet site guard { type filter hook forward priority 5; policy drop; }');
  for (const statement of statements) run(`nft add rule inet site guard ${statement}`);
  ruleset = await readRuleset();
});

afterAll(() => run('nft delete table inet site'));

test('a base chain is read with its hook, priority and policy', () => {
  expect(ruleset.chain('inet', 'site', 'guard')?.base).toEqual({
    type: 'filter',
    hook: 2,
    priority: 5,
    drops: true,
    devices: [],
  });
  expect(ruleset.chain('inet', 'site', 'other')).not.toHaveProperty('base');
});

test('every rule is there, in its order, with its handle', () => {
  const rules = ruleset.chain('inet', 'site', 'guard')?.rules ?? [];
  expect(rules).toHaveLength(statements.length);
  expect(new Set(rules.map(({ handle }) => String(handle))).size).toBe(statements.length);
});

test.each([
  ['tcp dport 80 accept', ['meta', 'cmp', 'payload', 'cmp', 'immediate']],
  ['meta mark 7 reject', ['load', 'cmp', 'reject']],
  // A first packet exceeds no rate, and uses up no quota.
  ['limit rate 1/second accept', ['neutral', 'immediate']],
  ['limit rate over 1/second drop', ['never', 'immediate']],
  ['quota 1000 bytes accept', ['neutral', 'immediate']],
  ['quota over 1000 bytes drop', ['never', 'immediate']],
  ['goto other', ['goto']],
])('%s is understood', (statement, kinds) => {
  const rule = ruleset.chain('inet', 'site', 'guard')?.rules[statements.indexOf(statement)];
  expect(rule?.expressions.map(({ kind }) => kind)).toEqual(kinds);
});

test('a set is read with its form, and its elements when they are asked for', async () => {
  expect(ruleset.set('inet', 'site', 'some')).toEqual({ isInterval: true, fieldBytes: [] });
  const elements = await ruleset.elements('inet', 'site', 'some');
  expect(elements.map(({ key }) => [...key])).toContainEqual([10, 1, 0, 0]);
});
