// A schedule: what users and misfortune do to a few hosts for a while, all of it decided by one number.
import type { Cluster } from '../../../../src/cluster/cluster.ts';
import type { ClusterParts, SimulatedHost } from '../../../support/simulated-host.ts';
import type { LinkHabits } from '../../../support/simulated-store.ts';
import { SimulatedTime } from '../../../support/simulated-time.ts';
import { unsettled } from './settled.ts';
import { Users } from './users.ts';
import { prefix, World } from './world.ts';

export const leaseSeconds = 10;
export const graceSeconds = 20;

/** After which a host that was away has lost its claim for certain. */
const lapseMs = (leaseSeconds + graceSeconds) * 1.1 * 1000;
/** What it held is collected by then, and may be given to others. */
const collectedMs = lapseMs + 80_000;
const actionCount = [30, 60] as const;
/** Back-offs, the last look at a dead host's claim, and what is left of it. */
const patienceMs = 300_000;

const goodLink = { requestMs: [0.2, 3], replyMs: [0.2, 3], eventMs: [0.2, 6], late: 0, loss: 0 } as const;
const badLink = {
  requestMs: [0.2, 30],
  replyMs: [0.2, 30],
  eventMs: [0.2, 60],
  late: 0.03,
  // Longer than a call is waited for.
  lateMs: [200, 5_000],
  loss: 0.02,
} as const satisfies Partial<LinkHabits>;

export type NewCluster = (parts: ClusterParts, log: (line: string) => void) => Cluster;

export interface Outcome {
  readonly violations: readonly string[];
  readonly log: readonly string[];
  readonly virtualMs: number;
}

export async function runSchedule(seed: number, newCluster: NewCluster, isLogged = false): Promise<Outcome> {
  const schedule = new Schedule(seed, newCluster, isLogged);
  await schedule.run();
  const { world } = schedule;
  return { violations: world.violations, log: world.log ?? [], virtualMs: world.time.nowMs };
}

/** `SIMULATION_LOSSES=1`: the store loses all it has, too. What is promised of addresses does not hold then. */
const losesStore = process.env['SIMULATION_LOSSES'] !== undefined;

type Action = (host: SimulatedHost) => void;

class Schedule {
  readonly world: World;
  readonly #time: SimulatedTime;
  readonly #users: Users;
  /** What happens in this schedule, as often as it is listed. */
  readonly #actions: readonly Action[];
  /** How long a host is away for that is away for too long. */
  readonly #longMs: readonly [number, number];

  constructor(seed: number, newCluster: NewCluster, isLogged: boolean) {
    this.#time = new SimulatedTime(seed);
    const failures = this.#time.chance(0.3) ? 0.1 : 0;
    const link = this.#time.chance(0.5) ? badLink : goodLink;
    this.#longMs = this.#time.chance(0.5) ? [lapseMs, 1.5 * lapseMs] : [collectedMs, 1.2 * collectedMs];
    const hosts = 3 + this.#time.randomness.below(2);
    const habits = { link, failures };
    this.world = new World(seed, { time: this.#time, hosts, habits, newCluster, isLogged });
    this.#users = new Users(this.world);
    const losses = losesStore ? repeat<Action>(2, () => this.#loseStore()) : [];
    this.#actions = [...this.#chooseActions(), ...losses];
  }

  async run(): Promise<void> {
    const { hosts } = this.world;
    for (const host of hosts) this.#start(host);
    await this.#time.run(this.#time.between([0, 500]));
    this.#users.createNetwork(this.#someHost());
    const count = Math.floor(this.#time.between(actionCount));
    for (let step = 0; step < count && this.world.violations.length === 0; step++) {
      const action = this.#time.randomness.pick(this.#actions);
      action?.(this.#someHost());
      await this.#time.run(this.#pauseMs());
    }
    if (this.world.violations.length === 0) await this.#settle();
  }

  /** Every schedule has its own selection of misfortune: some things only happen where others do not. */
  #chooseActions(): readonly Action[] {
    const users = this.#users;
    const often: Action[] = [
      ...repeat<Action>(12, (host) => users.connect(host)),
      ...repeat<Action>(5, (host) => users.disconnect(host)),
      ...repeat<Action>(2, (host) => users.leave(host)),
      ...repeat<Action>(3, (host) => users.createNetwork(host)),
      ...repeat<Action>(2, (host) => users.deleteNetwork(host)),
    ];
    const misfortunes: Action[] = [
      (host) => this.#kill(host),
      (host) => this.#cut(host, [200, 15_000]),
      (host) => this.#cut(host, this.#longMs),
      (host) => this.#sleep(host, [500, 20_000]),
      (host) => this.#sleep(host, this.#longMs),
      (host) => this.#switchOff(host),
      () => this.#compact(),
      () => this.#restartServer(),
    ];
    const chosen = misfortunes.filter(() => this.#time.chance(0.4));
    return [...often, ...chosen.flatMap((action) => repeat(2, action))];
  }

  #pauseMs(): number {
    const kind = this.#time.randomness.next();
    if (kind < 0.35) return this.#time.between([0, 5]);
    if (kind < 0.8) return this.#time.between([0, 300]);
    if (kind < 0.98) return this.#time.between([500, 5_000]);
    return this.#time.between(this.#longMs);
  }

  #kill(host: SimulatedHost): void {
    if (host.core === undefined) return;
    this.world.note(`${host.id}: the daemon is killed`);
    host.kill();
    const isLong = this.#time.chance(0.1);
    const awayMs = this.#time.between(isLong ? this.#longMs : [0, 5_000]);
    if (isLong) this.#useSoon(host, awayMs);
    this.#time.after(awayMs, () => {
      if (host.isOn && host.core === undefined) this.#start(host);
    });
  }

  /** What a machine sends may be lost, or what it is answered. */
  #cut(host: SimulatedHost, rangeMs: readonly [number, number]): void {
    const cut = this.#time.chance(0.6) ? 'both' : 'replies';
    this.world.note(`${host.id}: cut off (${cut})`);
    host.link.cut(cut);
    const { cuts } = host.link;
    const awayMs = this.#time.between(rangeMs);
    this.#useSoon(host, awayMs);
    this.#time.after(awayMs, () => {
      if (cuts !== host.link.cuts || !host.link.isCut) return;
      this.world.note(`${host.id}: reaches the store again`);
      host.link.heal();
    });
  }

  #sleep(host: SimulatedHost, rangeMs: readonly [number, number]): void {
    if (!host.isOn || host.isAsleep) return;
    const { machine } = host;
    this.world.note(`${host.id}: falls asleep`);
    host.sleep();
    const awayMs = this.#time.between(rangeMs);
    this.#useSoon(host, awayMs);
    this.#time.after(awayMs, () => this.#wake(host, machine));
  }

  /** Shortly before a host is back that was away for too long, the others need what it had. */
  #useSoon(away: SimulatedHost, awayMs: number): void {
    if (awayMs < collectedMs) return;
    const others = this.world.hosts.filter((host) => host !== away);
    for (let count = 0; count < 6; count++) {
      this.#time.after(awayMs - this.#time.between([0, 3_000]), () => {
        const host = this.#time.randomness.pick(others);
        if (host !== undefined) this.#users.connect(host);
      });
    }
  }

  #wake(host: SimulatedHost, machine = host.machine): void {
    if (!host.isAsleep || host.machine !== machine) return;
    this.world.note(`${host.id}: wakes`);
    host.wake();
  }

  /** For good, or for a while; one host stays on at least. */
  #switchOff(host: SimulatedHost): void {
    if (!host.isOn || this.world.hosts.filter(({ isOn }) => isOn).length < 2) return;
    this.world.note(`${host.id}: is switched off`);
    host.powerOff();
    for (const [id, promise] of this.world.promised)
      if (promise.host === host) this.world.promised.delete(id);
    if (this.#time.chance(0.5)) return;
    this.#time.after(this.#time.between([1_000, 2 * lapseMs]), () => this.#switchOn(host));
  }

  #switchOn(host: SimulatedHost): void {
    this.world.note(`${host.id}: is switched on`);
    host.powerOn();
    this.#start(host);
  }

  #compact(): void {
    const { server } = this.world;
    this.world.note('store: is compacted');
    server.compact(server.revision - this.#time.randomness.below(3));
  }

  #restartServer(): void {
    this.world.note('store: restarts');
    this.world.server.restart(this.#time.between([100, 8_000]));
  }

  /** It is wiped, or replaced by an empty one. */
  #loseStore(): void {
    const { world } = this;
    const isWiped = this.#time.chance(0.5);
    world.note(`store: is ${isWiped ? 'wiped' : 'replaced'}`);
    world.lose();
    if (isWiped) world.server.write([], [{ deleteBelow: prefix }]);
    else world.server.replace(this.#time.between([100, 8_000]));
  }

  #start(host: SimulatedHost): void {
    this.world.note(`${host.id}: the daemon starts`);
    const { lapses } = host;
    host.start().catch((error: unknown) => {
      this.world.violate(
        `${host.id} (lapses ${lapses}) does not start: ${error instanceof Error ? error.stack : error}`,
      );
    });
  }

  #someHost(): SimulatedHost {
    const { hosts } = this.world;
    const host = hosts[this.#time.randomness.below(hosts.length)];
    if (host === undefined) throw new Error('no hosts');
    return host;
  }

  /** Everything works again; what is not well after some patience never will be. */
  async #settle(): Promise<void> {
    const { world } = this;
    world.note('everything works again');
    for (const host of world.hosts) {
      host.link.habits = { ...host.link.habits, ...goodLink };
      host.habits = { ...host.habits, failures: 0 };
      host.link.heal();
      this.#wake(host);
      if (host.isOn && host.core === undefined) this.#start(host);
    }
    const endMs = this.#time.nowMs + patienceMs;
    for (let pauseMs = 250; ; pauseMs = Math.min(2 * pauseMs, 5_000)) {
      await this.#time.run(pauseMs);
      const wrong = [...unsettled(world), ...this.#users.unanswered];
      if (wrong.length === 0 || world.violations.length > 0) return;
      if (this.#time.nowMs < endMs) continue;
      for (const what of wrong) world.violate(`in the end ${what}`);
      return;
    }
  }
}

function repeat<T>(count: number, item: T): T[] {
  return Array.from({ length: count }, () => item);
}
