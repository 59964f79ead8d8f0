// What `net dns` and the API tell of names: the same as programs in the sandboxes are told.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NameStatisticsView } from '../../src/model/name-statistics.ts';
import type { VisibleName } from '../../src/model/visible-name.ts';
import { DnsLab } from '../support/dns-lab.ts';
import { DnsUpstreams } from '../support/dns-upstreams.ts';
import type { CommandResult } from '../support/host-process.ts';
import { TestHost } from '../support/test-host.ts';

const [good, failing] = ['192.0.2.1', '192.0.2.2'];

let host: TestHost;
let lab: DnsLab;
let addresses: readonly string[];

beforeAll(async () => {
  host = await TestHost.start();
  await DnsUpstreams.start(host, { [good]: 'good', [failing]: 'SERVFAIL' });
  await host.netd('--dns', good);
  lab = new DnsLab(host);
  await lab.network('lab', { ipv6: true });
  await lab.network('back', { internal: true });
  await lab.network('bad', { options: { forward_dns: failing } });
  for (const name of ['web', 'asker', 'inner', 'unlucky', 'lone']) await lab.sandbox(name);
  addresses = await lab.connect('lab', 'web', { aliases: ['www'], exposed: ['80'] });
  await lab.connect('lab', 'asker');
  await lab.connect('back', 'inner');
  await lab.connect('bad', 'unlucky');
});

afterAll(() => host[Symbol.asyncDispose]());

const query = (from: string, ...words: readonly string[]): Promise<CommandResult> =>
  host.tryNet('dns', 'query', ...words, '--from', from);

const linesOf = ({ stdout }: CommandResult) => stdout.split('\n').filter((line) => line !== '');

describe('net dns query', () => {
  test.each([
    ['web', 'A'],
    ['WWW.lab', 'AAAA'],
    ['web', 'MX'],
    ['_80._tcp.web', 'SRV'],
    ['far.example', 'A'],
  ])('%s %s has the records dig has in the sandbox', async (name, type) => {
    const asked = await query('asker', name, type);
    const { answers } = await lab.dig('asker', name, type);
    expect(asked).toMatchObject({ status: 0, stderr: '' });
    expect(linesOf(asked).slice(0, -1)).toEqual(answers);
  });

  test('an address has its name', async () => {
    const [address = ''] = addresses.filter((one) => one.includes('.'));
    const name = `${address.split('.').reverse().join('.')}.in-addr.arpa`;
    expect(linesOf(await query('asker', name, 'PTR'))).toEqual([
      `${name}. 5 IN PTR web.lab.`,
      'NOERROR: from network lab',
    ]);
  });

  test.each([
    ['asker', 'web', 0, /^NOERROR: from network lab$/],
    ['asker', 'other.example', 0, /^NOERROR: from upstream 192\.0\.2\.1 in \d+ ms$/],
    ['asker', 'other.example', 0, /^NOERROR: from the cache$/],
    ['inner', 'web', 1, /^NXDOMAIN: no network of the asker has it, and none lets questions out$/],
    ['unlucky', 'example.org', 1, /^SERVFAIL: no upstream answers$/],
  ])('%s asks for %s: status %d, and the last line says %s', async (from, name, status, line) => {
    const asked = await query(from, name);
    expect(asked.status).toBe(status);
    expect(linesOf(asked).at(-1)).toMatch(line);
  });

  test.each([
    ['lone', 'sandbox lone is on no network that has names'],
    ['nobody', 'no sandbox nobody'],
  ])('%s cannot ask', async (from, message) => {
    expect(await query(from, 'web')).toMatchObject({ status: 1, stdout: '', stderr: `net: ${message}\n` });
  });
});

describe('net dns ls', () => {
  test('lists what each sandbox sees', async () => {
    const seen = async (...from: readonly string[]) =>
      (await host.netJson<VisibleName[]>('dns', 'ls', ...from))
        .filter(({ kind }) => kind !== 'id')
        .map(({ name, networkName }) => `${name}.${networkName}`);
    expect(await seen('--from', 'asker')).toEqual(['asker.lab', 'web.lab', 'www.lab']);
    expect(await seen('--from', 'inner')).toEqual(['inner.back']);
    expect(await seen('-f', 'network=bad')).toEqual(['unlucky.bad']);
    expect(await seen()).toHaveLength(5);
  });
});

test('a name that two sandboxes claim is told as an event, a line of the log and a note', async () => {
  await lab.sandbox('rival', { hostname: 'web' });
  await lab.connect('lab', 'rival');
  const events = host.spawnNet('events', '--since', '10m', '--filter', 'type=dns', '--filter', 'network=lab');
  const line = await events.line(/ duplicate_name /);
  expect(line).toMatch(/ dns duplicate_name [0-9a-f]{12} \(name=web, networks=lab, sandboxes=rival, web\)$/);
  const notes = (await host.net('dns', 'ls', '--from', 'asker', '-f', 'name=web')).split('\n');
  expect(
    notes.filter((one) => one.includes('also claimed by')).map((one) => one.split(/ {3,}/).at(-1)),
  ).toEqual(['also claimed by web', 'also claimed by rival']);
  await lab.deleteSandbox('rival');
  expect(await host.net('dns', 'ls', '--from', 'asker')).not.toContain('also claimed by');
  await events.end('SIGTERM');
});

test('net dns stats and the metrics count what programs ask', async () => {
  await lab.network('counted');
  for (const name of ['one', 'two']) {
    await lab.sandbox(name);
    await lab.connect('counted', name);
  }
  for (const words of [['two'], ['two', 'MX'], ['counted.example'], ['counted.example']])
    await lab.dig('one', ...words);
  const { askers, networks, upstreams } = await host.netJson<NameStatisticsView>(
    'dns',
    'stats',
    'one',
    'network:counted',
  );
  expect(askers).toMatchObject([
    { sandboxName: 'one', questions: 4, answered: 1, noData: 1, forwarded: 1, cached: 1, failed: 0 },
  ]);
  expect(networks).toMatchObject([{ networkName: 'counted', answered: 1 }]);
  expect(upstreams).toEqual([]);
  expect(await host.net('dns', 'stats')).toMatch(/^192\.0\.2\.1 +host +\d+ +\d+ +0 +[\d.]+ ms +works$/m);
  const socket = '/run/fairlead/api.sock';
  const metrics = await host.run(['curl', '-s', '--unix-socket', socket, 'http://netd/fairlead/v1/metrics']);
  expect(metrics.split('\n')).toEqual(
    expect.arrayContaining([
      '# TYPE fairlead_dns_questions_total counter',
      'fairlead_dns_questions_total{sandbox="one",result="answered"} 1',
      'fairlead_dns_questions_total{sandbox="one",result="cached"} 1',
      'fairlead_dns_network_answers_total{network="counted"} 1',
      'fairlead_dns_upstream_failing{upstream="192.0.2.1"} 0',
    ]),
  );
});
