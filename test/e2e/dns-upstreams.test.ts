// Nameservers that are dead, slow, lying or cut short, and hosts whose list of them changes: what reaches the asker.
import { mkdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DnsAsker } from '../support/dns-asker.ts';
import { DnsLab } from '../support/dns-lab.ts';
import { DnsUpstreams, rewriteWays } from '../support/dns-upstreams.ts';
import { installNetwork } from '../support/engines/cni-plugins.ts';
import { CniRuntime } from '../support/engines/cni-runtime.ts';
import { TestHost } from '../support/test-host.ts';
import { waitUntil } from '../support/wait-until.ts';

/** What a nameserver answers tells which it is: 198.51.100.N. A forgery would say 203.0.113.66. */
const servers = {
  first: '192.0.2.1',
  second: '192.0.2.2',
  silent: '192.0.2.3',
  slow: '192.0.2.4',
  REFUSED: '192.0.2.5',
  SERVFAIL: '192.0.2.6',
  NOTIMP: '192.0.2.7',
  'other-id': '192.0.2.8',
  'other-name': '192.0.2.9',
  'other-type': '192.0.2.10',
  'other-port': '192.0.2.11',
  cutting: '192.0.2.12',
  'no-tcp': '192.0.2.13',
  flapping: '192.0.2.14',
  garbage: '192.0.2.15',
  'question-back': '192.0.2.16',
  'tcp-mute': '192.0.2.17',
  closed: '192.0.2.18',
  nobody: '192.0.2.200',
  ipv6: '2001:db8::21',
} as const;
type ServerName = keyof typeof servers;

let host: TestHost;
let lab: DnsLab;
let upstreams: DnsUpstreams;
/** The one of systemd-resolved's stub, in the host itself. */
let stub: DnsUpstreams;
let count = 0;

beforeAll(async () => {
  host = await TestHost.start('asker');
  const { nobody, ...served } = servers;
  const manner = (name: string) => (['first', 'second', 'ipv6'].includes(name) ? 'good' : name);
  upstreams = await DnsUpstreams.start(
    host,
    Object.fromEntries(Object.entries(served).map(([name, address]) => [address, manner(name)])),
  );
  stub = await DnsUpstreams.serve(host, { '127.0.0.53': 'good' });
  await host.netd();
  lab = new DnsLab(host);
  await lab.network('lab', { ipv6: true });
  await lab.sandbox('asker');
  await lab.connect('lab', 'asker');
});

afterAll(() => host[Symbol.asyncDispose]());

/** A name nobody has asked for. */
function freshName(word = 'fresh'): string {
  return `${word}${++count}.example`;
}

/** A new sandbox on a network of its own, whose questions go to these servers. */
async function askerOf(...names: readonly ServerName[]): Promise<string> {
  const name = `asker${++count}`;
  const forward_dns = names.map((one) => servers[one]).join(',');
  await lab.network(name, { ipv6: true, options: { forward_dns } });
  await lab.sandbox(name);
  await lab.connect(name, name);
  return name;
}

function answerOf(name: ServerName): readonly string[] {
  return [`198.51.100.${servers[name].split(/[.:]/).at(-1)}`];
}

function path(file: string): string {
  return `/proc/${host.pid}/root${file}`;
}

function nameservers(...addresses: readonly string[]): string {
  return addresses.map((address) => `nameserver ${address}\n`).join('');
}

/** Asks for new names until the answer is this server's. */
async function untilAskedOf(expected: readonly string[]): Promise<void> {
  await waitUntil(`${expected} is the answer`, async () => {
    expect(await lab.addresses('asker', freshName('follow'))).toEqual(expected);
    return true;
  });
}

describe('servers of a network', () => {
  test.each<[what: string, list: readonly ServerName[], answers: ServerName]>([
    ['the first that is listed answers', ['first', 'second'], 'first'],
    ['a server of IPv6 answers', ['ipv6'], 'ipv6'],
    ['a silent one is passed over', ['silent', 'second'], 'second'],
    ['one whose port is closed is passed over', ['closed', 'second'], 'second'],
    ['an address nobody has is passed over', ['nobody', 'second'], 'second'],
    ['a slow one loses', ['slow', 'second'], 'second'],
    ['a slow one is waited for where it is the only one', ['slow'], 'slow'],
    ['one that refuses is passed over', ['REFUSED', 'second'], 'second'],
    ['one that fails is passed over', ['SERVFAIL', 'second'], 'second'],
    ['one that cannot is passed over', ['NOTIMP', 'second'], 'second'],
    ['one that sends garbage is passed over', ['garbage', 'second'], 'second'],
    ['three bad ones are passed over', ['REFUSED', 'silent', 'closed', 'second'], 'second'],
    ['a question that was lost is sent again', ['flapping'], 'flapping'],
    ['a reply with another id is passed over', ['other-id'], 'other-id'],
    ['a reply for another name is passed over', ['other-name'], 'other-name'],
    ['a reply for another type is passed over', ['other-type'], 'other-type'],
    ['a reply from another port is passed over', ['other-port'], 'other-port'],
    ['a question is not taken for its reply', ['question-back'], 'question-back'],
    ['a cut reply is fetched over TCP', ['cutting'], 'cutting'],
    ['one that is mute over TCP loses', ['tcp-mute', 'second'], 'second'],
  ])('%s', async (_, list, answers) => {
    expect(await lab.addresses(await askerOf(...list), freshName())).toEqual(answerOf(answers));
  });

  test.each<[what: string, list: readonly ServerName[]]>([
    ['refuse', ['REFUSED']],
    ['are closed', ['closed']],
    ['are silent', ['silent']],
    ['fail, each in its way', ['SERVFAIL', 'silent', 'REFUSED', 'closed', 'garbage', 'nobody']],
  ])('where all %s, the asker is told so, and none was asked more than once a second', async (_, list) => {
    const name = freshName();
    const { status } = await lab.dig(await askerOf(...list), name);
    expect(status).toBe('SERVFAIL');
    for (const one of list) {
      const asked = upstreams.about(name).filter(({ server }) => server === servers[one]).length;
      expect(asked, one).toBeLessThanOrEqual(5);
    }
  });

  test('a silent one is asked again while there is hope', async () => {
    const name = freshName();
    expect(await lab.dig(await askerOf('silent'), name)).toMatchObject({ status: 'SERVFAIL' });
    expect(upstreams.about(name).length).toBeGreaterThanOrEqual(3);
  });

  test('what cannot be had whole is passed on as cut', async () => {
    const reply = await lab.dig(await askerOf('no-tcp'), '+ignore', freshName());
    expect(reply).toMatchObject({ status: 'NOERROR', flags: expect.arrayContaining(['tc']), answers: [] });
  });

  test('a reply beyond any datagram comes whole, to an asker that takes it', async () => {
    const asker = await askerOf('first');
    expect((await lab.dig(asker, 'big.example', 'TXT')).answers).toHaveLength(20);
    const cut = await lab.dig(asker, '+ignore', '+noedns', 'big.example', 'TXT');
    expect(cut.flags).toContain('tc');
    expect(cut.answers.length).toBeLessThan(3);
  });

  test('a name that does not exist, and one without the type, are remembered', async () => {
    const asker = await askerOf('first');
    const [gone, typeless] = [freshName('gone'), freshName()];
    for (const _ of [1, 2, 3]) {
      expect(await lab.dig(asker, gone)).toMatchObject({ status: 'NXDOMAIN' });
      expect(await lab.dig(asker, typeless, 'MX')).toMatchObject({ status: 'NOERROR', answers: [] });
    }
    expect(upstreams.asked(gone)).toHaveLength(1);
    expect(upstreams.asked(typeless)).toHaveLength(1);
  });

  test('a failure is not remembered', async () => {
    const asker = await askerOf('REFUSED');
    const name = freshName();
    expect(await lab.dig(asker, name)).toMatchObject({ status: 'SERVFAIL' });
    expect(await lab.dig(asker, name)).toMatchObject({ status: 'SERVFAIL' });
    expect(upstreams.asked(name)).toHaveLength(2);
  });

  test('two networks with servers of their own share no answers', async () => {
    const [one, other] = [await askerOf('first'), await askerOf('second')];
    for (const _ of [1, 2]) {
      expect(await lab.addresses(one, 'shared.example')).toEqual(answerOf('first'));
      expect(await lab.addresses(other, 'shared.example')).toEqual(answerOf('second'));
    }
  });

  test('a sandbox with servers of its own asks those', async () => {
    await lab.sandbox('choosy', { dns: { servers: [servers.second] } });
    await lab.connect('lab', 'choosy');
    expect(await lab.addresses('choosy', freshName())).toEqual(answerOf('second'));
  });
});

describe('servers of the host', () => {
  test.each(Object.entries(rewriteWays))('a list that is %s counts', async (_, rewrite) => {
    for (const name of ['first', 'second'] as const) {
      rewrite(path('/etc/resolv.conf'), nameservers(servers[name]), path(`/run/list-${name}`));
      await untilAskedOf(answerOf(name));
    }
  });

  test.each(Object.entries(rewriteWays))('no question is lost while it is %s', async (_, rewrite) => {
    rewrite(path('/etc/resolv.conf'), nameservers(servers.first), path('/run/list'));
    await untilAskedOf(answerOf('first'));
    const asker = new DnsAsker(lab, 'asker', [`during${++count}-#.example`]);
    for (const name of ['second', 'first', 'second', 'first'] as const) {
      await asker.more(20);
      rewrite(path('/etc/resolv.conf'), nameservers(servers[name]), path(`/run/list-${name}`));
      await untilAskedOf(answerOf(name));
    }
    const known = [answerOf('first'), answerOf('second')].map((answer) => `NOERROR ${answer}`);
    const answers = (await asker.end()).map(({ rcode, addresses }) => `${rcode} ${addresses}`);
    expect(known).toEqual(expect.arrayContaining([...new Set(answers)]));
  });

  test('a name of our own is answered while the host has none', async () => {
    await lab.sandbox('web');
    const given = await lab.connect('lab', 'web');
    rewriteWays['written in place'](path('/etc/resolv.conf'), '');
    await waitUntil('there is none', async () => (await lab.dig('asker', freshName())).status === 'SERVFAIL');
    expect(given).toContain((await lab.addresses('asker', 'web'))[0]);
  });

  test('systemd-resolved’s stub is passed by as long as it is known what is behind it', async () => {
    const folder = '/run/systemd/resolve';
    mkdirSync(path(folder), { recursive: true });
    writeFileSync(
      path(`${folder}/stub-resolv.conf`),
      `${nameservers('127.0.0.53')}options edns0 trust-ad\nsearch .\n`,
    );
    writeFileSync(path(`${folder}/resolv.conf`), nameservers(servers.second));
    rmSync(path('/etc/resolv.conf'));
    symlinkSync('../run/systemd/resolve/stub-resolv.conf', path('/etc/resolv.conf'));
    expect(readlinkSync(path('/etc/resolv.conf'))).toContain('stub');
    await untilAskedOf(answerOf('second'));
    rewriteWays['replaced by another of the same name'](
      path(`${folder}/resolv.conf`),
      nameservers(servers.first),
    );
    await untilAskedOf(answerOf('first'));
    expect(stub.seen).toEqual([]);
    rmSync(path(`${folder}/resolv.conf`));
    await untilAskedOf(['198.51.100.53']);
    rmSync(path('/etc/resolv.conf'));
  });

  test('they are asked from the host', async () => {
    writeFileSync(path('/etc/resolv.conf'), nameservers(servers.first));
    await untilAskedOf(answerOf('first'));
    const name = freshName();
    await lab.addresses('asker', name);
    expect(upstreams.asked(name)).toMatchObject([{ transport: 'udp', asker: '192.0.2.254' }]);
  });

  test('many sandboxes with the same question are one question to them', async () => {
    writeFileSync(path('/etc/resolv.conf'), nameservers(servers.slow));
    await untilAskedOf(answerOf('slow'));
    await lab.sandbox('other');
    await lab.connect('lab', 'other');
    const name = freshName();
    const askers = Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? 'asker' : 'other'));
    const answers = await Promise.all(askers.map((asker) => lab.addresses(asker, name)));
    expect(answers).toEqual(askers.map(() => answerOf('slow')));
    expect(upstreams.asked(name)).toHaveLength(1);
  });

  test('the case of letters is kept, there and back', async () => {
    writeFileSync(path('/etc/resolv.conf'), nameservers(servers.first));
    await untilAskedOf(answerOf('first'));
    const name = freshName('MiXed');
    const { answers } = await lab.dig('asker', name);
    expect(answers[0]).toMatch(new RegExp(`^${name}\\. `));
    expect(upstreams.about(name)[0]?.name).toBe(name);
  });
});

describe('an internal network', () => {
  test('sends no question out, of whatever type', async () => {
    writeFileSync(path('/etc/resolv.conf'), nameservers(servers.first));
    await untilAskedOf(answerOf('first'));
    await lab.network('closed', { internal: true });
    await lab.sandbox('inner');
    await lab.connect('closed', 'inner');
    const secret = freshName('secret');
    const types = ['A', 'AAAA', 'TXT', 'ANY', 'SRV', 'PTR', 'NS', 'SOA', 'TYPE65'];
    for (const type of types) {
      expect(await lab.dig('inner', secret, type), type).toMatchObject({ status: 'NXDOMAIN' });
      expect(await lab.dig('inner', `sub.inner.${secret}`, type), type).toMatchObject({ status: 'NXDOMAIN' });
    }
    expect(await lab.dig('inner', '-x', servers.first)).toMatchObject({ status: 'NXDOMAIN' });
    expect(await lab.dig('inner', '+tcp', secret)).toMatchObject({ status: 'NXDOMAIN' });
    const marker = freshName('marker');
    await lab.addresses('asker', marker);
    await upstreams.untilAsked(marker);
    expect(upstreams.seen.filter(({ name }) => name.includes(secret))).toEqual([]);
    expect(upstreams.about('1.2.0.192.in-addr.arpa')).toEqual([]);
  });
});

describe('servers that lead back to us', () => {
  /** The network's, which answers as soon as there is a pod. */
  let gateway: string;

  beforeAll(async () => {
    gateway = /gateway ([\d.]+)$/m.exec(await host.net('inspect', 'lab'))?.[1] ?? '';
    expect(gateway).not.toBe('');
  });

  test('our own resolver’s address is none', async () => {
    writeFileSync(path('/etc/resolv.conf'), nameservers('127.0.0.11'));
    await waitUntil('there is none', async () => (await lab.dig('asker', freshName())).status === 'SERVFAIL');
    writeFileSync(path('/etc/resolv.conf'), nameservers('127.0.0.11', servers.second));
    await untilAskedOf(answerOf('second'));
  });

  test('a gateway at which nobody answers is one that is closed', async () => {
    writeFileSync(path('/etc/resolv.conf'), nameservers(gateway));
    await waitUntil('it fails', async () => (await lab.dig('asker', freshName())).status === 'SERVFAIL');
  });

  test('a server that asks us again makes no storm', async () => {
    const executable = new URL('../../bin/fairlead-cni', import.meta.url).pathname;
    const configuration = {
      name: 'lab',
      conflist: { cniVersion: '1.0.0', name: 'lab', plugins: [{ type: 'fairlead-cni', network: 'lab' }] },
      executables: { 'fairlead-cni': executable },
    };
    await installNetwork(host, configuration);
    const runtime = new CniRuntime(host, configuration);
    await runtime.makeNamespaces(['pod']);
    expect((await runtime.add('pod')).status).toBe(0);

    writeFileSync(path('/etc/resolv.conf'), nameservers(gateway, servers.second));
    await untilAskedOf(answerOf('second'));

    const back = await DnsUpstreams.serve(host, { '127.0.0.54': `to:${gateway}` });
    writeFileSync(path('/etc/resolv.conf'), nameservers('127.0.0.54'));
    await waitUntil('it fails', async () => (await lab.dig('asker', freshName())).status === 'SERVFAIL');
    const name = freshName('loop');
    expect(await lab.dig('asker', name)).toMatchObject({ status: 'SERVFAIL' });
    // None at all once it was found out.
    expect(back.about(name).length).toBeLessThanOrEqual(12);
  });
});
