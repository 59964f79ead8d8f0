// Endpoints come and go at random on three hosts, whose daemons are killed now and then. Afterwards every host knows exactly the
// endpoints of the others.
import { expect, test } from 'vitest';
import { askApi } from '../support/api-client.ts';
import { ClusterBed } from '../support/cluster-bed.ts';
import { untilEverywhere } from '../support/cluster-bed-lab.ts';
import { expectEntriesAsRecorded, networkIdOf, recordsOf } from '../support/cluster-bed-tables.ts';
import { Random } from '../support/random.ts';
import type { Netd } from '../support/test-host.ts';

const changes = Number(process.env['FAIRLEAD_CHURN_CHANGES'] ?? 1000);
const seed = Number(process.env['FAIRLEAD_CHURN_SEED'] ?? Date.now() % 1_000_000);
const networks = ['n0', 'n1', 'n2'];
const sandboxesPerHost = 12;
/** So many changes, in the mean, from one death of a daemon to the next. */
const changesPerKill = 100;
/** How many changes are under way on a host at a time. */
const breadth = 3;

const totals = { joins: 0, leaves: 0, refused: 0, unanswered: 0, kills: 0 };

/** One host with its daemon, which is started again when it was killed. */
class Churner {
  readonly #bed: ClusterBed;
  readonly #name: string;
  readonly #random: Random;
  #netd: Netd;
  #starting: Promise<unknown> = Promise.resolve();
  readonly #busy = new Set<string>();
  /** `SANDBOX NETWORK`, as far as it was answered. */
  readonly #memberships = new Set<string>();

  constructor(bed: ClusterBed, name: string, netd: Netd, random: Random) {
    this.#bed = bed;
    this.#name = name;
    this.#netd = netd;
    this.#random = random;
  }

  get sandboxes(): readonly string[] {
    return Array.from({ length: sandboxesPerHost }, (_, index) => `${this.#name}-s${index}`);
  }

  async work(count: number): Promise<void> {
    let left = count;
    const change = async () => {
      while (left-- > 0) {
        if (this.#random.below(changesPerKill) === 0) this.#kill();
        await this.#starting;
        await this.#change();
      }
    };
    await Promise.all(Array.from({ length: breadth }, change));
    await this.#starting;
  }

  #kill(): void {
    totals.kills++;
    this.#starting = this.#starting.then(async () => {
      await this.#netd.kill9();
      this.#netd = await this.#bed.netd(this.#name);
    });
  }

  async #change(): Promise<void> {
    const free = this.sandboxes.filter((sandbox) => !this.#busy.has(sandbox));
    const target = this.#random.pick(free) ?? '';
    const network = this.#random.pick(networks) ?? '';
    const membership = `${target} ${network}`;
    const verb = this.#memberships.has(membership) ? 'disconnect' : 'connect';
    this.#busy.add(target);
    try {
      const host = this.#bed.host(this.#name);
      const { status, body } = await askApi(host, 'POST', `/networks/${network}/${verb}`, { target });
      if (status === 500) throw new Error(`${verb} ${network} ${target}: ${status} ${body.message}`);
      if (status >= 300) totals.refused++;
      else if (verb === 'connect') totals.joins++;
      else totals.leaves++;
      if (status === 503) return; // it cannot be done just now
      // Refused is what was done before without an answer.
      if (verb === 'connect') this.#memberships.add(membership);
      else this.#memberships.delete(membership);
    } catch (error) {
      if (error instanceof Error && /: 500 /.test(error.message)) throw error;
      totals.unanswered++; // the daemon was killed
    } finally {
      this.#busy.delete(target);
    }
  }
}

test(`${changes} joins and leaves at random`, { timeout: 240_000 }, async () => {
  console.log(`seed ${seed}`);
  await using bed = await ClusterBed.start();
  const netds = await bed.netds();
  for (const network of networks) await bed.host('h1').net('create', '-d', 'overlay', '--ipv6', network);
  for (const network of networks) await untilEverywhere(bed, network);
  const churners = bed.names.map((name, index) => {
    const netd = netds.get(name);
    if (netd === undefined) throw new Error(`no netd on ${name}`);
    return new Churner(bed, name, netd, new Random(seed + index));
  });
  for (const [index, name] of bed.names.entries()) {
    for (const sandbox of churners[index]?.sandboxes ?? []) {
      await askApi(bed.host(name), 'POST', '/sandboxes', { name: sandbox });
    }
  }
  await Promise.all(churners.map((churner) => churner.work(Math.ceil(changes / churners.length))));
  console.log(JSON.stringify(totals));
  expect(totals.joins + totals.leaves).toBeGreaterThan(changes * 0.8);
  for (const network of networks) {
    await expectEntriesAsRecorded(bed, network);
    const records = await recordsOf(bed, await networkIdOf(bed.host('h1'), network));
    const addresses = records.flatMap((record) => record.addresses);
    expect(new Set(addresses).size).toBe(addresses.length);
  }
  for (const name of bed.names) await bed.host(name).net('check');
});
