// What is told of an administrator's own rules that drop networks' packets.
import { afterEach, expect, test } from 'vitest';
import { findObstacles } from '../../../src/firewall/passage/obstacles.ts';
import { patternsOf } from '../../../src/firewall/passage/rules.ts';
import { requireOwnNetwork, run, succeeds } from '../../support/own-network.ts';

requireOwnNetwork();
const networks = patternsOf(['fl-0123456789', 'lab0']);
afterEach(() => {
  for (const table of ['inet guard', 'ip filter', 'inet firewalld']) succeeds(`nft delete table ${table}`);
});

/** Without tables of iptables-legacy, which whoever looks at them has made for as long as the namespace lives. */
async function obstacles(on: typeof networks) {
  const found = await findObstacles(on, 'nftables');
  return found.filter(({ object }) => !object.includes('-legacy'));
}

function nft(words: string): void {
  run(`nft ${words}`);
}

test('a chain that drops is told with the commands that end it, which do', async () => {
  nft('add table inet guard');
  nft('add chain inet guard forward { type filter hook forward priority 0 ; policy drop ; }');
  nft('add chain inet guard input { type filter hook input priority 0 ; policy drop ; }');
  const found = await obstacles(networks);
  expect(found).toEqual([
    {
      object: 'nft chain inet guard forward',
      problem: expect.stringContaining(
        'nft insert rule inet guard forward oifname "fl-*" accept; nft insert rule',
      ),
    },
    {
      object: 'nft chain inet guard input',
      problem: expect.stringMatching(
        /nft insert rule inet guard input iifname "fl-\*" .* th dport 53 accept/,
      ),
    },
  ]);
  for (const { problem } of found) {
    const commands = problem.slice(problem.indexOf('nft insert')).split('; ');
    for (const command of commands) nft(command.slice('nft '.length).replaceAll('"', ''));
  }
  expect(await obstacles(networks)).toEqual([]);
});

test.for<[what: string, made: readonly string[], objects: readonly string[]]>([
  ['a chain whose last rule drops', ['add rule inet guard forward drop'], ['nft chain inet guard forward']],
  ['a chain that drops some', ['add rule inet guard forward iifname eth7 drop'], []],
  [
    'a chain that lets one of the networks through',
    ['add rule inet guard forward iifname lab0 accept', 'add rule inet guard forward drop'],
    ['nft chain inet guard forward'],
  ],
])('of %s', async ([, made, objects]) => {
  nft('add table inet guard');
  nft('add chain inet guard forward { type filter hook forward priority 0 ; }');
  for (const words of made) nft(words);
  expect((await obstacles(networks)).map(({ object }) => object)).toEqual(objects);
});

test.for<[what: string, table: string, chain: string]>([
  ['iptables', 'ip filter', 'FORWARD'],
  ['firewalld', 'inet firewalld', 'filter_FORWARD'],
])('nothing of the tables of %s, in which there is a place for ours', async ([, table, chain]) => {
  nft(`add table ${table}`);
  nft(`add chain ${table} ${chain} { type filter hook forward priority 0 ; policy drop ; }`);
  expect(await obstacles(networks)).toEqual([]);
});

test('nothing while there is no network', async () => {
  nft('add table inet guard');
  nft('add chain inet guard forward { type filter hook forward priority 0 ; policy drop ; }');
  expect(await obstacles([])).toEqual([]);
});

test('a table of iptables-legacy, which cannot be looked into', async () => {
  if (!succeeds('iptables-legacy -S FORWARD')) return;
  expect(await findObstacles(networks, 'nftables')).toContainEqual({
    object: 'iptables-legacy table filter',
    problem: expect.stringContaining('iptables-legacy -I FORWARD -i fl-+ -j ACCEPT'),
  });
  expect(await findObstacles(networks, 'iptables')).toEqual([]);
});
