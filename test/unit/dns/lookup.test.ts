import { expect, test } from 'vitest';
import type { Forwarded } from '../../../src/dns/forwarding/forwarder.ts';
import { lookUp } from '../../../src/dns/lookup.ts';
import type { Query } from '../../../src/dns/message/query.ts';
import { encodeAnswer } from '../../../src/dns/message/wire.ts';
import type { SandboxId } from '../../../src/model/ids.ts';
import { back, lab, smallWorld, view } from './names.ts';

const table = smallWorld();

function upstream(answer: Partial<Forwarded> | undefined) {
  return async (query: Query): Promise<Forwarded | undefined> => {
    const address = { name: query.name, type: 'A', address: '192.0.2.7' } as never;
    const said = { rcode: 3, authoritative: false, answers: [address], authority: [], additional: [] };
    const reply = encodeAnswer(query, said, 65_535);
    return answer && { reply, rememberMs: 0, from: 'upstream', ...answer };
  };
}

const ask = (
  name: string,
  type = 'A',
  from: ReturnType<typeof view> | undefined = view([lab, back], {
    links: [
      { alias: 'peer', target: 'db2' as SandboxId },
      { alias: 'gone', target: 'nobody' as SandboxId },
    ],
  }),
  forwarded: Partial<Forwarded> | undefined = undefined,
) => lookUp({ name, type }, from, { table, forward: upstream(forwarded) });

test.each([
  ['web', 'A', 'NOERROR', ['web. 5 IN A 10.0.0.2'], ['Lab']],
  ['WEB.lab.', 'AAAA', 'NOERROR', ['WEB.lab. 5 IN AAAA fd00::2'], ['Lab']],
  ['db', 'AAAA', 'NOERROR', [], ['Lab']],
  ['store', 'A', 'NOERROR', ['store. 5 IN A 10.0.0.3', 'store. 5 IN A 10.0.1.3'], ['Lab', 'back']],
  ['peer', 'A', 'NOERROR', ['peer. 5 IN A 10.0.1.3'], ['back']],
  ['gone', 'A', 'NOERROR', [], []],
  ['2.0.0.10.in-addr.arpa', 'PTR', 'NOERROR', ['2.0.0.10.in-addr.arpa. 5 IN PTR web.Lab.'], ['Lab']],
  ['_80._tcp.web', 'SRV', 'NOERROR', ['_80._tcp.web. 5 IN SRV 0 0 80 web.Lab.'], ['Lab']],
  ['_81._tcp.web', 'SRV', 'NXDOMAIN', [], ['Lab']],
])('%s %s is %s %j from networks %j', async (name, type, status, records, networks) => {
  expect(await ask(name, type)).toEqual({ status, records, source: { kind: 'networks', networks } });
});

test.each([
  [{}, { kind: 'upstream', address: '' }],
  [
    { upstream: '192.0.2.53', tookMs: 3 },
    { kind: 'upstream', address: '192.0.2.53', tookMs: 3 },
  ],
  [{ from: 'cache' as const }, { kind: 'cache' }],
  [{ from: 'stale' as const }, { kind: 'stale' }],
])('what an upstream said, %j, has the source %j', async (forwarded, source) => {
  expect(await ask('example.com', 'A', view([lab]), forwarded)).toEqual({
    status: 'NXDOMAIN',
    records: ['example.com. 5 IN A 192.0.2.7'],
    source,
  });
});

test.each([
  ['example.com', 'A', view([lab]), 'SERVFAIL', 'unanswered'],
  ['example.com', 'A', view([lab], { forwarding: 'none' }), 'NXDOMAIN', 'nowhere'],
  ['web', 'AXFR', view([lab]), 'REFUSED', 'refused'],
])('%s %s of %j is %s: %s', async (name, type, from, status, kind) => {
  expect(await ask(name, type, from)).toEqual({ status, records: [], source: { kind } });
});

test('an asker of whom nothing is known is refused', async () => {
  const forward = upstream({});
  expect(await lookUp({ name: 'web', type: 'A' }, undefined, { table, forward })).toMatchObject({
    status: 'REFUSED',
    source: { kind: 'refused' },
  });
});

test('what is no name is refused with the reason', async () => {
  await expect(ask('a..b')).rejects.toThrow('name a..b: it has an empty label');
});
