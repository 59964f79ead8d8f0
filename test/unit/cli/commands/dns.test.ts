import { describe, expect, test } from 'vitest';
import type { NameLookup } from '../../../../src/model/name-lookup.ts';
import { sampleLookup, sampleNames, sampleStatistics } from '../../../support/name-samples.ts';
import { testCli } from '../../../support/test-cli.ts';

async function populated() {
  const cli = await testCli();
  await cli.controller.createNetwork({ name: 'lab' });
  await cli.controller.createSandbox({ name: 'web' });
  return cli;
}

describe('net dns query', () => {
  test('prints the records, and whose they are', async () => {
    const { net, controller } = await populated();
    expect(await net('dns', 'query', 'web', '--from', 'web')).toEqual({
      status: 0,
      stdout: 'web. 5 IN A 10.209.3.2\nweb. 5 IN A 10.209.3.3\nNOERROR: from network lab\n',
      stderr: '',
    });
    expect(controller.askedNames).toEqual([{ from: 'web', name: 'web' }]);
    expect(
      JSON.parse((await net('dns', 'query', 'web', 'AAAA', '--from', 'web', '--format', 'json')).stdout),
    ).toEqual(sampleLookup);
    expect(controller.askedNames.at(-1)).toEqual({ from: 'web', name: 'web', type: 'AAAA' });
  });

  test.each<[string, NameLookup['source'], string, number]>([
    [
      'NOERROR',
      { kind: 'networks', networks: ['lab', 'back'] },
      'NOERROR, no such record: from networks lab, back',
      0,
    ],
    [
      'NOERROR',
      { kind: 'networks', networks: [] },
      'NOERROR, no such record: a link to a sandbox on no network of the asker',
      0,
    ],
    [
      'NXDOMAIN',
      { kind: 'nowhere' },
      'NXDOMAIN: no network of the asker has it, and none lets questions out',
      1,
    ],
    ['NXDOMAIN', { kind: 'cache' }, 'NXDOMAIN: from the cache', 1],
    ['NXDOMAIN', { kind: 'stale' }, 'NXDOMAIN: from the cache, past its time, as no upstream answers', 1],
    [
      'NXDOMAIN',
      { kind: 'upstream', address: '192.0.2.53', tookMs: 12.4 },
      'NXDOMAIN: from upstream 192.0.2.53 in 12 ms',
      1,
    ],
    ['REFUSED', { kind: 'upstream', address: '127.0.0.11' }, 'REFUSED: from upstream 127.0.0.11', 1],
    ['SERVFAIL', { kind: 'unanswered' }, 'SERVFAIL: no upstream answers', 1],
    ['REFUSED', { kind: 'refused' }, 'REFUSED: such questions are not answered', 1],
  ])('%s, source %j', async (status, source, line, exit) => {
    const { net, controller } = await populated();
    controller.lookup = { status, records: [], source };
    expect(await net('dns', 'query', 'web', '--from', 'web')).toEqual({
      status: exit,
      stdout: `${line}\n`,
      stderr: '',
    });
  });
});

describe('net dns ls', () => {
  test('prints a table of names with what is odd about them', async () => {
    const { net, controller } = await populated();
    expect((await net('dns', 'ls')).stdout).toBe(
      [
        'NAME    KIND    NETWORK   SANDBOX   ADDRESSES             NOTE',
        'web     name    lab       web       10.209.3.2, fd00::2   also claimed by db',
        'store   alias   lab       db        10.209.3.3            a link has this name: only as store.lab',
        'peer    link              db                              on no network of the asker',
        '',
      ].join('\n'),
    );
    expect((await net('dns', 'ls', '-q')).stdout).toBe('web\nstore\npeer\n');
    expect((await net('dns', 'ls', '-f', 'network=lab', '-f', 'kind=alias', '-q')).stdout).toBe('store\n');
    expect(JSON.parse((await net('dns', 'ls', '--from', 'web', '--format', 'json')).stdout)).toEqual(
      sampleNames,
    );
    expect(controller.askedNames).toEqual([undefined, undefined, undefined, 'web']);
  });
});

describe('net dns stats', () => {
  test('prints what was asked, by whom and of whom', async () => {
    const { net, controller } = await populated();
    controller.statistics = sampleStatistics;
    expect((await net('dns', 'stats')).stdout).toBe(
      [
        'SANDBOX   QUESTIONS   ANSWERED   NO DATA   NO NAME   CACHED   FORWARDED   FAILED   REFUSED',
        'web       28          1          2         3         4        5           6        7',
        '',
        'NETWORK   ANSWERED',
        'lab       8',
        '',
        'UPSTREAM       ASKED FROM   ASKED   REPLIED   FAILED   REPLY TIME   STATE',
        '192.0.2.53     host         11      9         2        12.5 ms      works',
        '2001:db8::53   web          3       0         3                     fails',
        '',
        'Kept replies: 12 (1300 bytes), given 14 times, 1 past their time',
        'Malformed:    15',
        'Overflowed:   16',
        'Connections:  17',
        '',
      ].join('\n'),
    );
    expect(JSON.parse((await net('dns', 'stats', '--format', 'json')).stdout)).toEqual(sampleStatistics);
  });

  test('of named sandboxes and networks alone, without what is nobody’s', async () => {
    const { net, controller } = await populated();
    controller.statistics = { ...sampleStatistics, upstreams: [] };
    expect((await net('dns', 'stats', 'web', 'network:lab')).stdout).toMatch(/^SANDBOX.*NETWORK[^:]*$/s);
    expect(controller.askedNames.at(-1)).toEqual([{ ref: 'web' }, { kind: 'network', ref: 'lab' }]);
  });
});

test.each([
  [
    ['query', 'web'],
    2,
    "net: --from SANDBOX is missing: each sees other names\nsee 'net dns query --help'\n",
  ],
  [['query', '--from', 'web'], 2, "net: NAME is missing\nsee 'net dns query --help'\n"],
  [['query', 'web', '--from', 'nobody'], 1, 'net: no sandbox nobody\n'],
  [['ls', '--from', 'nobody'], 1, 'net: no sandbox nobody\n'],
  [['ls', '-f', 'port=80'], 1, 'net: unknown filter port; known are kind, name, network, sandbox\n'],
  [['stats', 'nobody'], 1, 'net: no network nobody\n'],
])('net dns %j is refused', async (args, status, stderr) => {
  const { net } = await populated();
  expect(await net('dns', ...args)).toEqual({ status, stdout: '', stderr });
});
