// What programs and C libraries make of our answers: everything people ask by, on networks of either family and of both.
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  askBy,
  askByGo,
  type ClientQuestion,
  type CompiledClients,
  clients,
  compileClients,
} from '../support/dns-clients.ts';
import { DnsLab } from '../support/dns-lab.ts';
import { DnsUpstreams, python } from '../support/dns-upstreams.ts';
import { TestHost } from '../support/test-host.ts';

const networks = {
  four: {},
  six: { ipv4: false, ipv6: true },
  dual: { ipv6: true },
  closed: { ipv6: true, internal: true },
};
const everyNetwork = Object.keys(networks);
const pipeline = new URL('dns-clients/pipeline.py', import.meta.url).pathname;

const compiled: CompiledClients = compileClients();
const everyClient = clients(compiled);
let host: TestHost;
let lab: DnsLab;
/** The host's nameserver, which knows names below `example` alone. */
let upstream: DnsUpstreams;
let shortId: string;
/** The addresses of `web`, by network. */
const addresses: Record<string, readonly string[]> = {};

beforeAll(async () => {
  host = await TestHost.start('lab');
  upstream = await DnsUpstreams.serve(host, { '127.0.0.54': 'good' });
  writeFileSync(`/proc/${host.pid}/root/etc/resolv.conf`, 'nameserver 127.0.0.54\n');
  await host.netd();
  lab = new DnsLab(host);
  shortId = (await lab.sandbox('web', { hostname: 'web-host' })).slice(0, 12);
  for (const [name, body] of Object.entries(networks)) {
    await lab.network(name, body);
    addresses[name] = await lab.connect(name, 'web', { aliases: ['www'], exposed: ['80/tcp'] });
    await lab.sandbox(`on-${name}`);
    await lab.connect(name, `on-${name}`);
  }
});

afterAll(async () => {
  compiled.remove();
  await host[Symbol.asyncDispose]();
});

function familyOf(network: string, family: 4 | 6): readonly string[] {
  return (addresses[network] ?? []).filter((one) => one.includes(':') === (family === 6));
}

/** What everybody is asked on a network, and what is to be found. */
function questionsOn(network: string): [ClientQuestion, readonly string[]][] {
  const families = [4, 6] as const;
  const known = [
    'web',
    'www',
    'web-host',
    shortId,
    `web.${network}`,
    `www.${network}`,
    'WeB',
    `WEB.${network}`,
  ];
  const found = (family: 4 | 6) => {
    const list = familyOf(network, family);
    return list.length > 0 ? list : ['no data'];
  };
  return [
    ...known.flatMap((name) =>
      families.map((family) => [{ kind: 'address', name, family }, found(family)] as const),
    ),
    ...families.map((family) => [{ kind: 'address', name: `gone-${network}`, family }, ['no name']] as const),
    [{ kind: 'address', name: `gone-${network}.example`, family: 4 }, ['no name']],
    ...(addresses[network] ?? []).map((address) => [{ kind: 'name', address }, [`web.${network}`]] as const),
    [{ kind: 'service', name: '_80._tcp.web' }, [`0 0 80 web.${network}`]],
    [{ kind: 'service', name: `_80._tcp.www.${network}` }, [`0 0 80 web.${network}`]],
    [{ kind: 'service', name: '_81._tcp.web' }, ['no name']],
  ] as [ClientQuestion, readonly string[]][];
}

describe.each(everyNetwork)('on the network %s', (network) => {
  test.each(everyClient.map((client) => [client.name, client] as const))(
    '%s finds all',
    async (_, client) => {
      const questions = questionsOn(network);
      const found = await askBy(
        client,
        host,
        `on-${network}`,
        questions.map(([question]) => question),
      );
      const said = questions.flatMap(([question], index) =>
        found[index] === undefined ? [] : [[question, found[index]]],
      );
      const expected = questions
        .filter((_, index) => found[index] !== undefined)
        .map(([question, answer]) => [
          question,
          answer.map((one) => (one === 'no data' ? (client.noData ?? one) : one)),
        ]);
      expect(said).toEqual(expected);
      expect(said.length).toBeGreaterThan(10);
    },
  );

  test.each(['web', 'www', `web.${network}`, 'wEb'])('Go finds %s', async (name) => {
    expect(addresses[network]).toContain(await askByGo(host, `on-${network}`, name));
  });

  test('Go is told that a name does not exist', async () => {
    expect(await askByGo(host, `on-${network}`, `gone-${network}`)).toBe('no name');
  });
});

describe('the host’s nameserver', () => {
  test('was asked for nothing that is known, and for nothing by those inside', async () => {
    await lab.dig('on-four', 'marker.example');
    await upstream.untilAsked('marker.example');
    const names = new Set(upstream.seen.map(({ name }) => name.toLowerCase()));
    expect([...names].filter((name) => /^(www?|web.*)\b/.test(name))).toEqual([]);
    expect([...names].filter((name) => name.includes('closed'))).toEqual([]);
    expect([...names]).toEqual(expect.arrayContaining(['gone-four', 'gone-six', 'gone-dual']));
  });
});

describe('search domains', () => {
  const searching = everyClient.filter(({ name }) => /^(dig|getaddrinfo|Python|getent)/.test(name));

  test.each([
    { ndots: 'ndots:0', network: 'dual' },
    { ndots: 'ndots:1', network: 'dual' },
    { ndots: 'ndots:2', network: 'dual' },
    { ndots: 'ndots:5', network: 'dual' },
    { ndots: 'ndots:5', network: 'closed' },
  ])('$ndots, $network: every client finds what it would by hand', async ({ ndots, network }) => {
    const name = `seeker-${ndots.replace(':', '')}-${network}`;
    const search = ['corp.test', network, 'example'];
    await lab.sandbox(name, { dns: { search, options: [ndots] } });
    await lab.connect(network, name);
    const here = network === 'closed' ? ['no name'] : ['198.51.100.54'];
    const web = familyOf(network, 4);
    const found: readonly (readonly [string, readonly string[]])[] = [
      ['web', web],
      [`web.${network}`, web],
      ['web.', web],
      ['here.example', here],
      ['gone', ['no name']],
      // Whether a name is searched for when it was not found by itself is everybody's own affair.
      ...(ndots === 'ndots:0' ? [] : [['here', here] as const]),
    ];
    const expected = found.map(([, answer]) => answer);
    const questions = found.map(([one]) => ({ kind: 'address', name: one, family: 4 }) as const);
    for (const client of searching) {
      expect(await askBy(client, host, name, questions), client.name).toEqual(expected);
    }
    expect(addresses[network]).toContain(await askByGo(host, name, 'web'));
    expect(await askByGo(host, name, 'gone')).toBe('no name');
  });
});

describe('TCP', () => {
  test('dig asks one question after the other on one connection', async () => {
    const words = ['web', 'A', 'www', 'AAAA', 'gone', 'A', 'here.example', 'A', 'web.dual', 'A'];
    const reply = await lab.inNetworkOf('on-dual', [
      'dig',
      '@127.0.0.11',
      '+tcp',
      '+keepopen',
      '+short',
      ...words,
    ]);
    const [four = ''] = familyOf('dual', 4);
    const [six = ''] = familyOf('dual', 6);
    expect(reply.stdout.trim().split('\n')).toEqual([four, six, '198.51.100.54', four]);
  });

  test.each(['together', 'bytewise'])('a hundred questions sent %s are all answered', async (manner) => {
    const names = Array.from({ length: 100 }, (_, index) =>
      index % 10 === 9 ? `here${index}.example` : index % 2 === 0 ? 'web' : 'Www.dUal',
    );
    const command = [python, pipeline, '127.0.0.11', manner, ...names];
    const { stdout } = await lab.inNetworkOf('on-dual', command);
    const [four] = familyOf('dual', 4);
    expect(stdout.trim().split('\n')).toEqual(
      names.map((name) => `${name} NOERROR ${name.endsWith('example') ? '198.51.100.54' : four}`),
    );
  });
});

describe('a name with a hundred addresses', () => {
  let all: readonly string[];

  beforeAll(async () => {
    await lab.network('wide');
    await lab.sandbox('on-wide');
    await lab.connect('wide', 'on-wide');
    const names = Array.from({ length: 100 }, (_, index) => `one${index}`);
    const given = await Promise.all(
      names.map(async (name) => {
        await lab.sandbox(name);
        return lab.connect('wide', name, { aliases: ['many'] });
      }),
    );
    all = given.flat().sort();
  });

  const question = { kind: 'address', name: 'many', family: 4 } as const;

  /** Who asks no second time over TCP: musl before 1.2.4, nslookup, and drill unless it is told to. */
  const cutting = ['getaddrinfo of musl', 'res_query of musl', 'nslookup of busybox', 'drill'];

  test.each(
    everyClient.filter(({ name }) => !cutting.includes(name)).map((client) => [client.name, client] as const),
  )('%s gets all', async (_, client) => {
    const [found] = await askBy(client, host, 'on-wide', [question]);
    expect([...(found ?? [])].sort()).toEqual(all);
  });

  test.each(
    everyClient.filter(({ name }) => cutting.includes(name)).map((client) => [client.name, client] as const),
  )('%s gets some', async (_, client) => {
    const [found = []] = await askBy(client, host, 'on-wide', [question]);
    expect(found.length).toBeGreaterThanOrEqual(20);
    expect(all).toEqual(expect.arrayContaining([...found]));
  });

  test.each([
    ['512 bytes without EDNS', ['+noedns', '+ignore'], true],
    ['what EDNS allows', ['+bufsize=1232', '+ignore'], true],
    ['all of them where that is enough', ['+bufsize=4096', '+ignore'], false],
  ])('a datagram holds %s', async (_, words, isCut) => {
    const reply = await lab.dig('on-wide', ...words, 'many');
    expect(reply.flags.includes('tc')).toBe(isCut);
    expect(reply.answers.length < 100).toBe(isCut);
    expect(reply.answers.length).toBeGreaterThanOrEqual(28);
  });
});
