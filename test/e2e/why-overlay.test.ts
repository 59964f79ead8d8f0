// `net why` and `net check` on networks that reach over several hosts.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { CheckResult } from '../../src/model/view.ts';
import type { WhyView } from '../../src/model/why.ts';
import { askApi } from '../support/api-client.ts';
import { ClusterBed } from '../support/cluster-bed.ts';
import { networkIdOf } from '../support/cluster-bed-tables.ts';
import { addressOf, ask, startServer } from '../support/peers.ts';
import type { TestHost } from '../support/test-host.ts';
import { waitUntil } from '../support/wait-until.ts';

let bed: ClusterBed;
let h1: TestHost;
let h2: TestHost;
let web: string;
let job: string;
let tunnel: string;

beforeAll(async () => {
  bed = await ClusterBed.start({ hosts: 2 });
  await bed.netds();
  [h1, h2] = [bed.host('h1'), bed.host('h2')];
  await h1.net('create', '-d', 'overlay', '--subnet', '10.5.0.0/24', 'lab');
  await h1.net('create', '--subnet', '10.6.0.0/24', 'far');
  await startServer(h1, 'web', '--network', 'lab');
  await h1.net('run', '-d', '--name', 'stranger', '--network', 'far', '--', 'sleep', 'infinity');
  await waitUntil('h2 has the network', async () => (await networkIdOf(h2, 'lab')) !== '');
  await startServer(h2, 'job', '--network', 'lab');
  [web, job] = [await addressOf(h1, 'web'), await addressOf(h2, 'job')];
  tunnel = `vx-${(await networkIdOf(h1, 'lab')).slice(0, 10)}`;
  await ask({ host: h1, sandbox: 'web' }, job);
});
afterAll(() => bed[Symbol.asyncDispose]());

async function why(host: TestHost, ...args: readonly string[]) {
  const { status, stdout, stderr } = await host.tryNet('why', '--format', 'json', ...args);
  if (stdout === '') throw new Error(stderr);
  const [way, ...others] = (JSON.parse(stdout) as WhyView).ways;
  expect(others).toEqual([]);
  if (way === undefined) throw new Error('no way');
  return { status, ...way, steps: way.steps.map(({ text }) => text) };
}

/** Somebody's own rules on a host. */
async function guard(host: TestHost, hook: 'input' | 'output', rule: string): Promise<void> {
  await host.run(['nft', 'add table inet site']);
  await host.run(['nft', `add chain inet site guard { type filter hook ${hook} priority 0; }`]);
  await host.run(['nft', `add rule inet site guard ${rule}`]);
}

describe('why', () => {
  afterEach(async () => {
    for (const host of [h1, h2]) await host.attempt(['nft', 'delete table inet site']);
  });

  test('follows a packet into the tunnel, and says where the rest is told', async () => {
    const way = await why(h1, 'web', 'job:80');
    expect(way).toMatchObject({ status: 0, address: job, passes: true });
    expect(way.steps).toEqual([
      `web has a route to ${job}: 10.5.0.0/24 by eth0`,
      `bridge ${tunnel.replace('vx', 'fl')} (network lab) leads to job into the tunnel ${tunnel}`,
      `it leaves by eth0 for host h2 (${bed.address('h2')}), which decides what comes after that`,
      'answers are let back in',
    ]);
    expect(way.note).toBe(`host h2 tells the rest: net why outside:${tunnel},${web} job:80`);
  });

  test('tells the rest there, of what comes out of the tunnel', async () => {
    const way = await why(h2, `outside:${tunnel},${web}`, 'job:80');
    expect(way).toMatchObject({ status: 0, passes: true });
    expect(way.steps).toContain('job listens on 80/tcp');
    expect(await why(h2, 'web', 'job:80')).toMatchObject({ passes: true, steps: way.steps });
  });

  test('takes an address of another host’s endpoint for it', async () => {
    expect(await why(h1, 'web', `${job}:80`)).toMatchObject({ passes: true, note: /h2 tells the rest/ });
  });

  test.each(['job:80', 'job'])('tries it: %s', async (to) => {
    const way = await why(h1, '--probe', 'web', to);
    expect(way).toMatchObject({ status: 0, passes: true, probe: { answered: true } });
  });

  test('what is tried decides where the other host refuses', async () => {
    const way = await why(h1, '--probe', 'web', 'job:81');
    expect(way).toMatchObject({ status: 1, passes: false, probe: { answered: false } });
    expect(way.reason).toBe('neither host h2 nor job on it answers');
  });

  test('names the network to connect to', async () => {
    const way = await why(h1, 'stranger', 'job:80');
    expect(way).toMatchObject({ status: 1, passes: false, change: 'net connect lab stranger' });
  });

  test('says that the host itself gets no answers', async () => {
    const way = await why(h1, '--probe', 'host', 'job:80');
    expect(way).toMatchObject({ passes: false, probe: { answered: false, agrees: true } });
    expect(way.steps.at(-1)).toContain('do not come back from host h2');
  });

  test.each([
    ['output', 'what carries it is stopped: host: rule 1 of chain guard in table inet site drops it'],
    ['input', 'answers do not come back: what carries it is stopped: host: rule 1 of chain guard'],
  ] as const)('finds the rule that drops what carries it (%s)', async (hook, text) => {
    await guard(h1, hook, 'udp dport 4789 drop');
    const way = await why(h1, '--probe', 'web', 'job:80');
    expect(way).toMatchObject({ passes: false, probe: { answered: false, agrees: true } });
    expect(way.steps.at(-1)).toContain(text);
    expect(way.change).toMatch(/^nft delete rule inet site guard handle \d+$/);
  });

  test('and on the other host', async () => {
    await guard(h2, 'input', 'udp dport 4789 drop');
    expect(await why(h1, '--probe', 'web', 'job:80')).toMatchObject({ passes: false });
    const there = await why(h2, `outside:${tunnel},${web}`, 'job:80');
    expect(there).toMatchObject({ passes: false, change: expect.stringContaining('inet site guard') });
  });

  test('misses an entry of the tunnel', async () => {
    const mac = await h2.net('exec', 'job', '--', 'cat', '/sys/class/net/eth0/address');
    await h1.run(['bridge', 'fdb', 'del', mac.trim(), 'dev', tunnel, 'dst', bed.address('h2'), 'self']);
    const way = await why(h1, 'web', 'job:80');
    expect(way).toMatchObject({ passes: false, change: 'net check --fix' });
    expect(way.steps.at(-1)).toContain(`has no way to ${mac.trim()} through ${tunnel}`);
    await h1.tryNet('check', '--fix');
    expect(await why(h1, '--probe', 'web', 'job:80')).toMatchObject({ passes: true });
  });

  test('does not know whom nobody knows', async () => {
    const { status, stderr } = await h1.tryNet('why', 'web', 'nobody:80');
    expect({ status, stderr }).toMatchObject({ status: 1, stderr: /no sandbox nobody/ });
  });
});

describe('check', () => {
  afterEach(async () => {
    for (const host of [h1, h2]) await host.attempt(['nft', 'delete table inet site']);
  });

  const notes = async () => {
    const { body } = await askApi(h1, 'GET', '/check');
    const own = (body as CheckResult).notes.filter(({ object }) => object === 'network lab');
    return own.map(({ problem }) => problem);
  };

  test('has nothing to say of a tunnel that carries', async () => {
    expect(await notes()).toEqual([]);
  });

  test('tells of a host that does not answer', async () => {
    await guard(h2, 'input', 'udp dport 4789 drop');
    expect(await notes()).toEqual([
      `host h2 (${bed.address('h2')}) does not answer through the tunnel: is UDP port 4789 blocked?`,
    ]);
  });

  test('tells of long packets that are lost', async () => {
    await guard(h2, 'input', 'udp dport 4789 udp length > 1400 drop');
    expect(await notes()).toEqual([expect.stringMatching(/^packets of 1450 bytes do not get through/)]);
  });
});
