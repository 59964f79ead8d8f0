// Many sandboxes, each on two of as many networks: a name everybody has is, for each, that of its own neighbours.
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DnsLab } from '../support/dns-lab.ts';
import { python } from '../support/dns-upstreams.ts';
import { type HostState, type Netd, TestHost } from '../support/test-host.ts';
import { waitUntil } from '../support/wait-until.ts';

const count = Number(process.env['FAIRLEAD_TEST_SANDBOXES'] ?? 200);
const setUpMs = 60_000 + 400 * count;
const program = new URL('../support/dns-everywhere.py', import.meta.url).pathname;

let host: TestHost;
let netd: Netd;
let lab: DnsLab;
/** Before there was anything, but after netd had done all it does once. */
let idle: HostState;
let idleDescriptors: number;

/** Where a sandbox is: as `own` on the network of its number, as `guest` on the next one. */
interface Neighbour {
  readonly own: string;
  readonly guest: string;
}
const neighbours: Neighbour[] = [];

beforeAll(async () => {
  host = await TestHost.start('many');
  netd = await host.netd();
  lab = new DnsLab(host);
  await build(8);
  await remove(8);
  idle = await host.state();
  idleDescriptors = descriptors();
  await build(count);
}, setUpMs);

afterAll(() => host[Symbol.asyncDispose]());

/** Some at a time: they hinder each other less than they wait. */
async function each(numbers: number, work: (index: number) => Promise<void>): Promise<void> {
  const left = Array.from({ length: numbers }, (_, index) => index);
  const worker = async () => {
    for (let index = left.shift(); index !== undefined; index = left.shift()) await work(index);
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
}

async function build(size: number): Promise<void> {
  // Small ones of their own: the default pools hold some five hundred.
  const subnet = (index: number) => `10.${128 + (index >> 12)}.${(index >> 4) & 255}.${(index & 15) << 4}/28`;
  await each(size, (index) =>
    lab.network(`net${index}`, { internal: true, pools: [{ subnet: subnet(index) }] }),
  );
  await each(size, async (index) => {
    const name = `sandbox${index}`;
    await lab.sandbox(name);
    const [own = ''] = await lab.connect(`net${index}`, name, { aliases: ['own'] });
    const [guest = ''] = await lab.connect(`net${(index + 1) % size}`, name, { aliases: ['guest'] });
    neighbours[index] = { own, guest };
  });
}

async function remove(size: number): Promise<void> {
  await each(size, (index) => lab.deleteSandbox(`sandbox${index}`));
  await each(size, (index) => lab.deleteNetwork(`net${index}`));
}

function descriptors(): number {
  return readdirSync(`/proc/${netd.pid}/fd`).length;
}

/** Asks in each sandbox for the name it gives; all at the same time. */
async function askEverywhere(name: (index: number) => string): Promise<readonly string[]> {
  const lines = neighbours.map((_, index) => `/run/netns/sandbox${index} ${name(index)}\n`);
  const answers = await host.run([python, program], { input: lines.join('') });
  return answers.split('\n');
}

/** The neighbour so many numbers on, in the ring. */
function neighbour(index: number, distance: number): Neighbour {
  const at = neighbours[(index + distance + count) % count];
  if (at === undefined) throw new Error(`no sandbox ${index + distance}`);
  return at;
}

function found(...addresses: readonly string[]): string {
  return `NOERROR ${[...addresses].sort().join(',')}`;
}

describe(`${count} sandboxes on ${count} networks`, () => {
  test('each finds its neighbours under the name all of them have, and nobody else', async () => {
    const own = await askEverywhere(() => 'own');
    expect(own).toEqual(neighbours.map((one, index) => found(one.own, neighbour(index, 1).own)));
    const guests = await askEverywhere(() => 'guest');
    expect(guests).toEqual(neighbours.map((one, index) => found(one.guest, neighbour(index, -1).guest)));
  });

  test('each finds the next by its own name, and those further on not at all', async () => {
    const next = await askEverywhere((index) => `sandbox${(index + 1) % count}`);
    expect(next).toEqual(neighbours.map((_, index) => found(neighbour(index, 1).own)));
    const far = await askEverywhere((index) => `sandbox${(index + 2) % count}`);
    expect(far).toEqual(neighbours.map(() => 'NXDOMAIN'));
  });

  test(
    'when they are gone, so is everything that was made for them',
    async () => {
      await remove(count);
      await waitUntil('nothing is left', async () => {
        expect(await host.state()).toEqual(idle);
        // It keeps sockets to the kernel for the next time, as many as were in use at once.
        expect(descriptors()).toBeLessThan(idleDescriptors + 16);
        return true;
      });
    },
    setUpMs,
  );
});
