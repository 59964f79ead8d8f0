// What `iptables-restore` is told, from what is found and what should be there.
import { describe, expect, test } from 'vitest';
import {
  asFound,
  emptyTable,
  type FoundTable,
  type FoundTables,
  kept,
  type Table,
  userChain,
} from '../../../../src/firewall/iptables/table.ts';
import { differences, transition } from '../../../../src/firewall/iptables/transition.ts';

const wanted: Table = {
  chains: new Map([
    ['FAIRLEAD-DNAT', { rules: ['-j FAIRLEAD-LIST', '-j RETURN'] }],
    ['FAIRLEAD-LIST', { rules: ['-j FAIRLEAD-P-1', '-j FAIRLEAD-P-2'], anyOrder: true }],
    ['FAIRLEAD-P-1', { rules: ['-p tcp -j ACCEPT'] }],
    ['FAIRLEAD-P-2', { rules: ['-p udp -j ACCEPT'] }],
  ]),
  jumps: new Map([['PREROUTING', '-j FAIRLEAD-DNAT']]),
};

const found = (nat: FoundTable): FoundTables => ({ raw: new Map(), filter: new Map(), nat });
const tables = (nat: Table) => ({ raw: emptyTable, filter: emptyTable, nat });
const changedBy = (change: Record<string, readonly string[]>): FoundTable =>
  new Map([...asFound(wanted), ...Object.entries(change)]);

test('nothing is sent when everything is there, whatever others have beside it', () => {
  const now = found(changedBy({ PREROUTING: ['-j FAIRLEAD-DNAT', '-j DOCKER'], DOCKER: ['-j RETURN'] }));
  expect(transition(now, tables(wanted))).toBe('');
  expect(differences('iptables', now, tables(wanted))).toEqual([]);
});

test('everything is sent where nothing is, chains before what leads to them', () => {
  expect(transition(found(new Map()), tables(wanted))).toBe(
    [
      '*nat',
      ':FAIRLEAD-DNAT - [0:0]',
      ':FAIRLEAD-LIST - [0:0]',
      ':FAIRLEAD-P-1 - [0:0]',
      ':FAIRLEAD-P-2 - [0:0]',
      '-A FAIRLEAD-DNAT -j FAIRLEAD-LIST',
      '-A FAIRLEAD-DNAT -j RETURN',
      '-A FAIRLEAD-LIST -j FAIRLEAD-P-1',
      '-A FAIRLEAD-LIST -j FAIRLEAD-P-2',
      '-A FAIRLEAD-P-1 -p tcp -j ACCEPT',
      '-A FAIRLEAD-P-2 -p udp -j ACCEPT',
      '-I PREROUTING -j FAIRLEAD-DNAT',
      'COMMIT',
      '',
    ].join('\n'),
  );
});

test.each([
  {
    what: 'an entry of a list goes alone, whatever the order',
    change: { 'FAIRLEAD-LIST': ['-j FAIRLEAD-P-2', '-j FAIRLEAD-P-1', '-j DROP'] },
    lines: ['-D FAIRLEAD-LIST -j DROP'],
    problems: ['FAIRLEAD-LIST has other rules'],
  },
  {
    what: 'an entry that is there twice goes once',
    change: { 'FAIRLEAD-LIST': ['-j FAIRLEAD-P-2', '-j FAIRLEAD-P-1', '-j FAIRLEAD-P-2'] },
    lines: ['-D FAIRLEAD-LIST -j FAIRLEAD-P-2'],
    problems: ['FAIRLEAD-LIST has other rules'],
  },
  {
    what: 'an order that counts is made by writing the chain anew',
    change: { 'FAIRLEAD-DNAT': ['-j RETURN', '-j FAIRLEAD-LIST'] },
    lines: [':FAIRLEAD-DNAT - [0:0]', '-A FAIRLEAD-DNAT -j FAIRLEAD-LIST', '-A FAIRLEAD-DNAT -j RETURN'],
    problems: ['FAIRLEAD-DNAT has other rules'],
  },
  {
    what: 'a jump that is not first, or not alone, is put first',
    change: { PREROUTING: ['-j DOCKER', '-j FAIRLEAD-DNAT', '-j FAIRLEAD-DNAT'] },
    lines: [
      '-D PREROUTING -j FAIRLEAD-DNAT',
      '-D PREROUTING -j FAIRLEAD-DNAT',
      '-I PREROUTING -j FAIRLEAD-DNAT',
    ],
    problems: ['PREROUTING does not begin with one rule that leads to FAIRLEAD-DNAT'],
  },
  {
    what: 'a chain nobody asked for goes with whatever leads to it',
    change: { 'FAIRLEAD-OLD': ['-j DROP'], 'DOCKER-USER': ['-j FAIRLEAD-OLD', '-j RETURN'] },
    lines: ['-D DOCKER-USER -j FAIRLEAD-OLD', '-F FAIRLEAD-OLD', '-X FAIRLEAD-OLD'],
    problems: ['FAIRLEAD-OLD is not ours'],
  },
])('$what', ({ change, lines, problems }) => {
  const now = found(changedBy(change as unknown as Record<string, readonly string[]>));
  expect(transition(now, tables(wanted))).toBe(['*nat', ...lines, 'COMMIT', ''].join('\n'));
  expect(
    differences('iptables', now, tables(wanted)).map(({ object, problem }) => `${object} ${problem}`),
  ).toEqual(problems.map((problem) => `iptables chain nat ${problem}`));
});

test('chains that are missing are found', () => {
  const list = differences('ip6tables', found(new Map([['PREROUTING', []]])), tables(wanted));
  expect(list[0]).toEqual({ object: 'ip6tables chain nat FAIRLEAD-DNAT', problem: 'is missing' });
  expect(list).toHaveLength(5);
});

describe("the administrator's chain", () => {
  const withUser: Table = { ...wanted, chains: new Map([...wanted.chains, [userChain, kept]]) };
  const theirs = { [userChain]: ['-p tcp -j DROP'] };

  test('is made where it is missing', () => {
    const now = found(asFound(wanted));
    expect(transition(now, tables(withUser))).toBe('*nat\n:FAIRLEAD-USER - [0:0]\nCOMMIT\n');
    expect(differences('iptables', now, tables(withUser))).toEqual([
      { object: 'iptables chain nat FAIRLEAD-USER', problem: 'is missing' },
    ]);
  });

  test('is left alone with whatever is in it', () => {
    const now = found(changedBy(theirs));
    expect(transition(now, tables(withUser))).toBe('');
    expect(differences('iptables', now, tables(withUser))).toEqual([]);
  });

  test.each([
    { what: 'goes when it is of no use', rules: {}, lines: ['-X FAIRLEAD-USER'] },
    { what: 'stays while it has rules', rules: theirs, lines: [] },
    { what: 'stays while others lead to it', rules: { THEIRS: ['-j FAIRLEAD-USER'] }, lines: [] },
  ])('$what and nobody asks for it any more', ({ rules, lines }) => {
    const now = found(changedBy({ [userChain]: [], ...rules }));
    const input = transition(now, tables(emptyTable)).split('\n');
    expect(input.filter((line) => line.includes(userChain))).toEqual(lines);
    expect(input.filter((line) => line === '-X FAIRLEAD-DNAT')).toHaveLength(1);
  });
});
