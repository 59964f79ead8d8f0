// What is said to a question, by table: every rule of docs/dns.md.
import { describe, expect, test } from 'vitest';
import { type Answer, answer, type Forward, type ResourceRecord } from '../../../src/dns/answer.ts';
import type { SandboxId } from '../../../src/model/ids.ts';
import type { ResolverView } from '../../../src/model/name-entry.ts';
import { types } from './messages.ts';
import { back, entry, lab, smallWorld, view } from './names.ts';

const table = smallWorld();

function ask(name: string, type = types.A, from: ResolverView = view([lab]), turn = 0): Answer | Forward {
  return answer({ name, type }, from, table, turn);
}

function answers(name: string, type = types.A, from?: ResolverView, turn?: number): readonly string[] {
  const said = ask(name, type, from, turn);
  return 'forwardTo' in said ? ['forwarded'] : said.answers.map(text);
}

function text(record: ResourceRecord): string {
  if (record.type === 'SRV') return `${record.name} SRV ${record.port} ${record.target}`;
  if (record.type === 'PTR') return `${record.name} PTR ${record.target}`;
  return `${record.name} ${record.type}${'address' in record ? ` ${record.address}` : ''}`;
}

describe('names on a shared network', () => {
  test.each([
    ['web', 'sandbox name'],
    ['web-host', 'hostname'],
    ['0123456789ab', 'short id'],
    ['www', 'alias'],
    ['web.lab', 'name and network'],
    ['www.lab', 'alias and network'],
    ['WEB.LaB', 'any case'],
  ])('%s is answered (%s), in the case it was asked in', (name) => {
    expect(answers(name)).toEqual([`${name} A 10.0.0.2`]);
    expect(answers(name, types.AAAA)).toEqual([`${name} AAAA fd00::2`]);
  });

  test('answers are authoritative', () => {
    expect(ask('web')).toMatchObject({ rcode: 0, authoritative: true, authority: [] });
  });

  test('a name on several shared networks has all its addresses', () => {
    expect(answers('both', types.A, view([lab, back]))).toEqual(['both A 10.0.0.4', 'both A 10.0.1.4']);
    expect(answers('both.back', types.A, view([lab, back]))).toEqual(['both.back A 10.0.1.4']);
  });

  test('several owners of a name are all named, each first in its turn', () => {
    const first = ['store A 10.0.0.3', 'store A 10.0.1.3'];
    const from = view([lab, back]);
    expect([0, 1, 2].map((turn) => answers('store', types.A, from, turn))).toEqual([
      first,
      first.toReversed(),
      first,
    ]);
  });
});

describe('names on other networks', () => {
  test.each(['db2', 'both.back', 'db2.back', 'web.back', 'lab', 'nobody', 'web.lab.lab', '', 'sub.web'])(
    '%s is forwarded from lab',
    (name) => {
      expect(answers(name)).toEqual(['forwarded']);
    },
  );

  test('an address the asker cannot reach is never named', () => {
    expect(answers('store')).toEqual(['store A 10.0.0.3']);
    expect(answers('both')).toEqual(['both A 10.0.0.4']);
    expect(answers('both', types.AAAA)).toEqual([]);
  });

  test('a sandbox on no network has everything forwarded', () => {
    expect(answers('web', types.A, view([]))).toEqual(['forwarded']);
  });

  test('what is forwarded goes where the view says', () => {
    expect(ask('example.com', types.A, view([lab]))).toMatchObject({ forwardTo: 'host' });
    const forwarding = ['9.9.9.9'] as unknown as ResolverView['forwarding'];
    expect(ask('example.com', types.A, view([lab], { forwarding }))).toMatchObject({
      forwardTo: ['9.9.9.9'],
    });
  });

  test('without forwarding they do not exist', () => {
    const said = ask('example.com', types.A, view([lab], { forwarding: 'none' }));
    expect(said).toMatchObject({ rcode: 3, answers: [], authority: [{ name: '', type: 'SOA' }] });
  });
});

describe('known names without a record of the type', () => {
  test.each([
    ['db', types.AAAA],
    ['web', types.MX],
    ['web', types.TXT],
    ['web', types.HTTPS],
    ['web', types.SRV],
    ['web', types.PTR],
    ['web', types.SOA],
    ['web', 65_280],
    ['web.lab', types.MX],
    ['2.0.0.10.in-addr.arpa', types.A],
    ['_80._tcp.web', types.A],
    ['_tcp.web', types.SRV],
  ])('%s with type %i has no data, and an SOA says for how long', (name, type) => {
    expect(ask(name, type)).toMatchObject({
      rcode: 0,
      authoritative: true,
      answers: [],
      authority: [{ name, type: 'SOA' }],
      additional: [],
    });
  });

  test.each(['web', '2.0.0.10.in-addr.arpa', '_80._tcp.web'])(
    '%s with type ANY has the one record that says so',
    (name) => {
      expect(answers(name, types.ANY)).toEqual([`${name} HINFO`]);
    },
  );
});

describe('services', () => {
  test('a port of a known name has an SRV record and the addresses of its target', () => {
    const said = ask('_80._TCP.www', types.SRV) as Answer;
    expect(said.answers.map(text)).toEqual(['_80._TCP.www SRV 80 web.Lab']);
    expect(said.additional.map(text)).toEqual(['web.Lab A 10.0.0.2', 'web.Lab AAAA fd00::2']);
  });

  test('the qualified name works too', () => {
    expect(answers('_53._udp.web.lab', types.SRV)).toEqual(['_53._udp.web.lab SRV 53 web.Lab']);
  });

  test.each(['_81._tcp.web', '_80._udp.web', '_99999._tcp.web', '_80._sctp.www'])(
    '%s does not exist',
    (name) => {
      const zone = name.split('.').at(-1);
      expect(ask(name, types.SRV)).toMatchObject({ rcode: 3, authority: [{ name: zone, type: 'SOA' }] });
    },
  );

  test.each(['_http._tcp.web', '_80._tcp.db2', '_80._quic.web', '_80.web'])('%s is none of ours', (name) => {
    expect(answers(name, types.SRV)).toEqual(['forwarded']);
  });
});

describe('addresses', () => {
  const reverse6 = `2.${'0.'.repeat(27)}0.0.d.f.ip6.arpa`;

  test.each(['2.0.0.10.in-addr.arpa', '2.0.0.10.IN-ADDR.ARPA', reverse6])(
    '%s leads to name and network',
    (name) => {
      expect(answers(name, types.PTR)).toEqual([`${name} PTR web.Lab`]);
    },
  );

  test.each([
    '3.1.0.10.in-addr.arpa',
    '9.9.9.9.in-addr.arpa',
    '0.0.10.in-addr.arpa',
    '2.0.0.300.in-addr.arpa',
  ])('%s is forwarded from lab', (name) => {
    expect(answers(name, types.PTR)).toEqual(['forwarded']);
  });
});

describe('links', () => {
  const links = (target: string, alias: string) => ({ links: [{ alias, target: target as SandboxId }] });

  test('an alias of a link is known to the sandbox that made it, in any case', () => {
    expect(answers('Backend', types.A, view([lab], links('web', 'backend')))).toEqual(['Backend A 10.0.0.2']);
    expect(answers('backend')).toEqual(['forwarded']);
  });

  test('a link made twice is one', () => {
    const twice = ['peer', 'Peer'].map((alias) => ({ alias, target: 'web' as SandboxId }));
    expect(answers('_80._tcp.peer', types.SRV, view([lab], { links: twice }))).toHaveLength(1);
  });

  test('it hides other owners of the name', () => {
    expect(answers('store', types.A, view([lab, back], links('web', 'store')))).toEqual(['store A 10.0.0.2']);
  });

  test('it names no address on a network the asker is not on, and is not forwarded either', () => {
    expect(answers('peer', types.A, view([lab], links('both', 'peer')))).toEqual(['peer A 10.0.0.4']);
    expect(answers('peer', types.A, view([lab], links('db2', 'peer')))).toEqual([]);
  });
});

test.each([251, 252])('a transfer (type %i) is refused, whatever the name', (type) => {
  expect([ask('web', type), ask('example.com', type)]).toMatchObject([{ rcode: 5 }, { rcode: 5 }]);
});

test('a sandbox finds itself', () => {
  const own = smallWorld();
  own.upsert(entry('asker', lab, { addresses: ['10.0.0.9'] }));
  expect(answer({ name: 'asker', type: types.A }, view([lab]), own, 0)).toMatchObject({
    answers: [{ address: '10.0.0.9' }],
  });
});

test.each([
  ['web', types.A, ['web@lab-id']],
  ['web', types.MX, ['web@lab-id']],
  ['store', types.A, ['db@lab-id', 'db2@back-id']],
  ['2.0.0.10.in-addr.arpa', types.PTR, ['web@lab-id']],
  ['_80._tcp.web', types.SRV, ['web@lab-id']],
  ['_81._tcp.web', types.SRV, ['web@lab-id']],
  ['web', 252, undefined],
])('an answer to %s with type %i tells whose names it is about', (name, type, owners) => {
  const said = ask(name, type, view([lab, back]));
  expect('forwardTo' in said ? [] : said.owners?.map(({ endpointId }) => endpointId)).toEqual(owners);
});
