import { expect, test } from 'vitest';
import { metricsText } from '../../../../src/api/fairlead/metrics-text.ts';
import { sampleLookup, sampleStatistics } from '../../../support/name-samples.ts';
import { testApi } from '../../../support/test-api.ts';

async function populated() {
  const api = testApi();
  await api.controller.createSandbox({ name: 'web' });
  await api.controller.createNetwork({ name: 'lab' });
  return api;
}

test('a name is asked for as a sandbox would', async () => {
  const { call, controller } = await populated();
  expect(await call('GET', '/dns/query?from=web&name=db.lab&type=AAAA')).toEqual({
    status: 200,
    body: sampleLookup,
  });
  expect(controller.askedNames).toEqual([{ from: 'web', name: 'db.lab', type: 'AAAA' }]);
});

test.each([
  ['', 3],
  ['from=web', 3],
  ['filter=network=lab', 2],
  ['filter=network=a1a1', 2],
  ['filter=sandbox=db&filter=kind=alias', 1],
  ['filter=name=e', 3],
  ['filter=name=ee', 1],
])('of the names, the query %j selects %d', async (query, count) => {
  const { call } = await populated();
  expect((await call('GET', `/dns/names?${query}`)).body).toHaveLength(count);
});

test.each([
  ['', []],
  ['of=web', [{ ref: 'web' }]],
  [
    'of=sandbox:web&of=network:lab',
    [
      { kind: 'sandbox', ref: 'web' },
      { kind: 'network', ref: 'lab' },
    ],
  ],
])('counts are asked for with %j', async (query, targets) => {
  const { call, controller } = await populated();
  controller.statistics = sampleStatistics;
  expect(await call('GET', `/dns/stats?${query}`)).toEqual({ status: 200, body: sampleStatistics });
  expect(controller.askedNames).toEqual([targets]);
});

test.each([
  ['/dns/query?name=web', 400, 'querystring: field from is missing'],
  ['/dns/query?from=web&name=', 400, 'name: "" must NOT have fewer than 1 characters'],
  ['/dns/query?from=nobody&name=web', 404, 'no sandbox nobody'],
  [
    '/dns/names?filter=kind=none',
    400,
    'filter kind=none: the value is one of name, hostname, id, alias, link',
  ],
  ['/dns/stats?of=nobody', 404, 'no network nobody'],
])('GET %s is refused', async (path, status, message) => {
  const { call } = await populated();
  expect(await call('GET', path)).toMatchObject({ status, body: { message } });
});

test('metrics are told as Prometheus reads them', async () => {
  const { server, controller } = await populated();
  controller.statistics = sampleStatistics;
  const answer = await server.inject({ method: 'GET', url: '/fairlead/v1/metrics' });
  expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(answer.body).toContain(
    [
      '# HELP fairlead_dns_questions_total Questions of a sandbox, by what became of them.',
      '# TYPE fairlead_dns_questions_total counter',
      'fairlead_dns_questions_total{sandbox="web",result="answered"} 1',
      'fairlead_dns_questions_total{sandbox="web",result="no_data"} 2',
      'fairlead_dns_questions_total{sandbox="web",result="no_name"} 3',
      'fairlead_dns_questions_total{sandbox="web",result="cached"} 4',
      'fairlead_dns_questions_total{sandbox="web",result="forwarded"} 5',
      'fairlead_dns_questions_total{sandbox="web",result="failed"} 6',
      'fairlead_dns_questions_total{sandbox="web",result="refused"} 7',
      '',
    ].join('\n'),
  );
  for (const line of [
    'fairlead_dns_network_answers_total{network="lab"} 8',
    'fairlead_dns_upstream_questions_total{upstream="192.0.2.53",result="replied"} 9',
    'fairlead_dns_upstream_questions_total{upstream="2001:db8::53",sandbox="web",result="failed"} 3',
    'fairlead_dns_upstream_rtt_seconds{upstream="192.0.2.53"} 0.0125',
    'fairlead_dns_upstream_failing{upstream="2001:db8::53",sandbox="web"} 1',
    'fairlead_dns_cache_entries 12',
    'fairlead_dns_cache_hits_total 14',
    'fairlead_dns_overflowed_total 16',
  ])
    expect(answer.body.split('\n')).toContain(line);
  expect(answer.body).not.toContain('rtt_seconds{upstream="2001:db8::53"');
});

test('labels and help are escaped, and a family without samples is left out', () => {
  const samples = [{ labels: { name: 'a"b\\c\nd' }, value: 1.5 }];
  const help = 'one \\ two\nthree "four"';
  expect(
    metricsText([
      { name: 'x_total', help, type: 'counter', samples },
      { name: 'y', help, type: 'gauge', samples: [] },
    ]),
  ).toBe(
    '# HELP x_total one \\\\ two\\nthree "four"\n# TYPE x_total counter\nx_total{name="a\\"b\\\\c\\nd"} 1.5\n',
  );
});
