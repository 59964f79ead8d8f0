// Names come and go while everybody asks: each answer was right at some moment between its question and itself.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AskedQuestion, DnsAsker, droppedPackets } from '../support/dns-asker.ts';
import { NameHistory } from '../support/dns-history.ts';
import { DnsLab } from '../support/dns-lab.ts';
import { Random } from '../support/random.ts';
import { TestHost } from '../support/test-host.ts';

const changes = Number(process.env['FAIRLEAD_CHURN_CHANGES'] ?? 240);
/** Of those whose every round is several changes. */
const rounds = Math.ceil(changes / 12);
const movers = Array.from({ length: 8 }, (_, index) => `mover${index}`);
const colours = ['red', 'green', 'blue'];

let host: TestHost;
let lab: DnsLab;

beforeAll(async () => {
  host = await TestHost.start('churn');
  await host.netd();
  lab = new DnsLab(host);
  // Nothing leaves them: a name that is not there does not exist.
  await lab.network('pool', { internal: true });
  await lab.network('side', { internal: true });
  for (const name of ['asker', 'wanderer', 'stayer', 'aside', ...movers]) await lab.sandbox(name);
  for (const name of ['asker', 'wanderer']) await lab.connect('pool', name);
});

afterAll(() => host[Symbol.asyncDispose]());

type Leave = (work: () => Promise<void>) => Promise<void>;

/** Takes a sandbox of the pool on and off it, each time by another alias besides. */
class Mover {
  readonly #name: string;
  readonly #history: NameHistory;
  readonly #random: Random;
  #leave: Leave | undefined;

  constructor(name: string, history: NameHistory, random: Random) {
    this.#name = name;
    this.#history = history;
    this.#random = random;
  }

  async move(): Promise<void> {
    if (this.#leave !== undefined) {
      await this.#leave(() => lab.disconnect('pool', this.#name));
      this.#leave = undefined;
      return;
    }
    const aliases = ['all', this.#random.pick(colours) ?? ''];
    const names = [this.#name, `${this.#name}.pool`, ...aliases];
    this.#leave = await this.#history.begin(names, () => joined('pool', this.#name, aliases));
  }
}

async function joined(network: string, name: string, aliases: readonly string[] = []): Promise<string> {
  const [address = ''] = await lab.connect(network, name, { aliases });
  return address;
}

/** Spreads a number of moves over workers; each mover is moved by one at a time. */
async function moveAll(all: readonly Mover[], random: Random): Promise<void> {
  const free = [...all];
  let left = changes;
  const work = async () => {
    while (left-- > 0) {
      const mover = free.splice(random.below(free.length), 1)[0];
      if (mover === undefined) throw new Error('more workers than movers');
      await mover.move();
      free.push(mover);
    }
  };
  await Promise.all([work(), work(), work()]);
}

/** A sandbox of one name that is made anew each time. */
async function rise(history: NameHistory): Promise<void> {
  for (const _ of Array(rounds).keys()) {
    await lab.sandbox('phoenix');
    const leave = await history.begin(['phoenix', 'all'], () => joined('pool', 'phoenix', ['all']));
    await leave(() => lab.deleteSandbox('phoenix'));
  }
}

/** An asker that goes to another network and back sees the names there for as long. */
async function wander(history: NameHistory, address: string): Promise<void> {
  for (const _ of Array(rounds).keys()) {
    const leave = await history.begin(['aside', 'aside.side'], async () => {
      await lab.connect('side', 'wanderer');
      return address;
    });
    await leave(() => lab.disconnect('side', 'wanderer'));
  }
}

/** Of those that were answered. */
function faultsIn(asked: readonly AskedQuestion[], history: NameHistory): readonly string[] {
  return asked.flatMap((one) => (one.rcode === 'lost' ? [] : (history.faultOf(one) ?? [])));
}

function lostOf(asked: readonly AskedQuestion[]): number {
  return asked.filter(({ rcode }) => rcode === 'lost').length;
}

describe('names that come and go', () => {
  test('no answer is wrong, and none is lost', async () => {
    const seed = Number(process.env['FAIRLEAD_CHURN_SEED'] ?? Date.now() % 1_000_000);
    const random = new Random(seed);
    const history = new NameHistory();
    const wandererHistory = new NameHistory();
    await history.begin(['stayer', 'all'], () => joined('pool', 'stayer', ['all']));
    const aside = await joined('side', 'aside');

    const names = ['stayer', 'all', ...movers, ...colours, 'mover0.pool', 'phoenix'];
    const droppedBefore = droppedPackets();
    const asker = new DnsAsker(lab, 'asker', [...names, 'aside']);
    const wanderer = new DnsAsker(lab, 'wanderer', ['aside', 'aside.side', 'stayer', 'all', 'nobody']);
    await Promise.all([asker.more(50), wanderer.more(50)]);
    await Promise.all([
      moveAll(
        movers.map((name) => new Mover(name, history, random)),
        random,
      ),
      rise(history),
      wander(wandererHistory, aside),
    ]);
    await Promise.all([asker.more(50), wanderer.more(50)]);

    const asked = await asker.end();
    expect(faultsIn(asked, history), `seed ${seed}`).toEqual([]);
    const wandered = await wanderer.end();
    // Where others flood the same processors, the kernel drops packets, and counts them; none is lost but so.
    expect(lostOf(asked) + lostOf(wandered)).toBeLessThanOrEqual(droppedPackets() - droppedBefore);
    const own = wandered.filter(({ name }) => name.startsWith('aside'));
    const shared = wandered.filter(({ name }) => !name.startsWith('aside'));
    expect(faultsIn(own, wandererHistory), `seed ${seed}`).toEqual([]);
    expect(faultsIn(shared, history), `seed ${seed}`).toEqual([]);
    // Each state was seen, or all this shows nothing.
    for (const name of [...movers, ...colours, 'phoenix']) {
      const seen = new Set(asked.filter((one) => one.name === name).map(({ rcode }) => rcode));
      expect([...seen].sort(), name).toEqual(['NOERROR', 'NXDOMAIN']);
    }
    expect(new Set(own.map(({ rcode }) => rcode)).size).toBe(2);
  });

  test('the answer after a change that was acknowledged shows it', async () => {
    for (const round of Array(10).keys()) {
      const alias = `round${round}`;
      const [address] = await lab.connect('side', 'stayer', { aliases: [alias] });
      await lab.connect('side', 'asker');
      expect(await lab.addresses('asker', alias)).toEqual([address]);
      await lab.disconnect('side', 'stayer');
      expect(await lab.dig('asker', alias)).toMatchObject({ status: 'NXDOMAIN' });
      await lab.connect('side', 'stayer', { aliases: [alias] });
      await lab.disconnect('side', 'asker');
      expect(await lab.dig('asker', alias)).toMatchObject({ status: 'NXDOMAIN' });
      await lab.disconnect('side', 'stayer');
    }
  });
});
