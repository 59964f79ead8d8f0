// Names over a restart of netd: sandboxes on as many networks ask without a break, and every question gets its answer.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DnsLab } from '../support/dns-lab.ts';
import { python } from '../support/dns-upstreams.ts';
import type { HostProcess } from '../support/host-process.ts';
import { type Netd, TestHost } from '../support/test-host.ts';
import { waitUntil } from '../support/wait-until.ts';

const count = Number(process.env['FAIRLEAD_TEST_SANDBOXES'] ?? 40);
const program = new URL('../support/dns-steady.py', import.meta.url).pathname;
const everyMs = 1_000;
const setUpMs = 60_000 + 400 * count;

/** What the askers were told, all together. */
interface Figures {
  readonly answered: number;
  readonly tried_again: number;
  /** Questions and answers that met a closed port. */
  readonly refused: number;
  readonly unanswered: number;
  readonly wrong: readonly unknown[];
  readonly slowest_ms: number;
}

let host: TestHost;
let netd: Netd;
let lab: DnsLab;
const askers: string[] = [];

beforeAll(async () => {
  host = await TestHost.start('restarts');
  netd = await host.netd();
  lab = new DnsLab(host);
  const left = Array.from({ length: count }, (_, index) => index);
  const worker = async () => {
    for (let index = left.shift(); index !== undefined; index = left.shift()) await build(index);
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
}, setUpMs);

afterAll(() => host[Symbol.asyncDispose](), setUpMs);

async function build(index: number): Promise<void> {
  const [network, sandbox] = [`net${index}`, `sandbox${index}`];
  // Of their own: the default pools hold some five hundred.
  const subnet = `10.${100 + (index >> 8)}.${index & 0xff}.0/24`;
  await lab.network(network, { internal: true, pools: [{ subnet }] });
  await lab.sandbox(sandbox);
  const [address = ''] = await lab.connect(network, sandbox);
  askers.push(`/run/netns/${sandbox} ${sandbox} ${address}`);
}

/** Everybody asks, before, during and after `meanwhile`. */
async function askDuring(meanwhile: () => Promise<void>): Promise<Figures> {
  const input = `${askers.join('\n')}\n`;
  const asking = host.spawn([python, program, String(everyMs)], { input });
  await roundsOf(asking, 1);
  await meanwhile();
  // The first may be of questions that were asked before.
  await roundsOf(asking, 2);
  const { stdout } = await asking.end('SIGTERM');
  const figures = stdout.trim().split('\n').at(-1) ?? '';
  if (process.env['FAIRLEAD_TEST_SANDBOXES'] !== undefined) process.stdout.write(`${figures}\n`);
  return JSON.parse(figures) as Figures;
}

/** Waits until everybody was answered so often more. */
async function roundsOf(asking: HostProcess, more: number): Promise<void> {
  const rounds = () => asking.stdout.split('round').length - 1;
  const wanted = rounds() + more;
  await waitUntil('everybody was answered', () => rounds() >= wanted, { timeoutMs: 60_000 });
}

const right = { wrong: [], unanswered: 0, refused: 0 };

describe(`${count} sandboxes on as many networks`, () => {
  test.each<[string, () => Promise<unknown>]>([
    ['SIGTERM', () => netd.stop()],
    ['SIGKILL', () => netd.kill9()],
  ])(
    'are told everything they ask while netd is ended by %s and started again',
    async (_, stop) => {
      const figures = await askDuring(async () => {
        await stop();
        netd = await host.netd();
      });
      expect(figures).toMatchObject(right);
      expect(figures.answered).toBeGreaterThanOrEqual(3 * count);
    },
    setUpMs,
  );

  test('a sandbox that is made after a restart is known to those there were', async () => {
    await lab.sandbox('later');
    const [address = ''] = await lab.connect('net0', 'later');
    expect(await lab.addresses('sandbox0', 'later', 'A')).toEqual([address]);
    await lab.deleteSandbox('later');
  });

  test('of a sandbox that is deleted after a restart nothing is kept', async () => {
    await lab.sandbox('short');
    await lab.connect('net0', 'short');
    await netd.stop();
    netd = await host.netd();
    await host.shell('ip link add name short-host type veth peer name inner netns short');
    await lab.deleteSandbox('short');
    // It goes with the namespace, which goes with the last that holds it.
    await waitUntil('the namespace has ended', async () => {
      const { status } = await host.attempt(['ip', 'link', 'show', 'short-host']);
      return status !== 0;
    });
  });
});
