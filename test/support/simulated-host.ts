// A simulated host: a machine with a kernel, records on a disk, a link to the store, and a daemon that may be killed.
import type { IpAddress } from '../../src/base/cidr.ts';
import type { MacAddress } from '../../src/base/mac.ts';
import type { Clock } from '../../src/cluster/clock.ts';
import type { Cluster } from '../../src/cluster/cluster.ts';
import type { ClusterMemory, Remembered } from '../../src/cluster/memory.ts';
import type { SharedStore } from '../../src/cluster/shared-store.ts';
import type { EndpointId, HostId } from '../../src/model/ids.ts';
import type { ClusterHost } from '../../src/model/peer.ts';
import { SimulatedClock, SimulatedMachine } from './simulated-clock.ts';
import { SimulatedCore, type SimulatedRecords } from './simulated-core.ts';
import { SimulatedKernel } from './simulated-kernel.ts';
import type { SimulatedServer } from './simulated-server.ts';
import { type LinkHabits, SimulatedLink, SimulatedStore } from './simulated-store.ts';

export interface ClusterParts {
  readonly store: SharedStore;
  readonly clock: Clock;
  readonly memory: ClusterMemory;
  readonly host: ClusterHost;
  readonly bootId: string;
}

export interface HostHabits {
  readonly link: Partial<LinkHabits>;
  /** The chance that something told by the cluster cannot be done at first. */
  readonly failures: number;
  readonly newCluster: (parts: ClusterParts) => Cluster;
}

export class SimulatedHost {
  readonly identity: ClusterHost;
  readonly link: SimulatedLink;
  readonly kernel = new SimulatedKernel();
  readonly records: SimulatedRecords = { networks: new Map(), endpoints: new Map() };
  habits: HostHabits;
  machine: SimulatedMachine;
  /** Undefined while no daemon runs. */
  core: SimulatedCore | undefined;
  isOn = true;
  /** How often its claim ended because it was away for too long. */
  lapses = 0;
  onLost: (id: EndpointId, reason: string) => void = () => {};
  remembered: Remembered = { blocks: [], networks: [] };
  readonly #server: SimulatedServer;
  #clock: SimulatedClock | undefined;
  #boots = 0;
  /** Since when somebody is there to close the tunnels. */
  #guardedSinceMs = 0;

  constructor(server: SimulatedServer, number: number, habits: HostHabits) {
    this.#server = server;
    this.habits = habits;
    this.identity = {
      id: `host-${number}` as HostId,
      name: `machine${number}`,
      address: `192.0.2.${number}` as IpAddress,
      mac: `02:42:c0:00:02:0${number}` as MacAddress,
      mtuBytes: 1500,
    };
    this.link = new SimulatedLink(server, habits.link);
    this.machine = this.#boot();
  }

  get id(): HostId {
    return this.identity.id;
  }

  get isAsleep(): boolean {
    return this.machine.isAsleep;
  }

  /** Packets get out of it, and it had the time to see that they must not. */
  get isReachable(): boolean {
    if (!this.isOn || this.isAsleep || this.core === undefined || !this.kernel.isOpen) return false;
    return this.#server.time.nowMs > this.#guardedSinceMs;
  }

  /** Starts the daemon. The promise is of its start, and never settles when it is killed before. */
  start(): Promise<void> {
    const clock = new SimulatedClock(this.machine);
    const cluster = this.habits.newCluster({
      clock,
      store: new SimulatedStore(this.link, clock),
      memory: this.#memory(clock),
      host: this.identity,
      bootId: `boot-${this.#boots}`,
    });
    const { records, kernel } = this;
    this.#clock = clock;
    this.core = new SimulatedCore({
      clock,
      cluster,
      records,
      kernel,
      failures: () => this.habits.failures,
      onLost: (id, reason) => this.onLost(id, reason),
    });
    this.#guardSoon();
    return this.core.start();
  }

  /** As `kill -9`: what is on its way to the store arrives, what is recorded stays. */
  kill(): void {
    this.#clock?.stop();
    this.#clock = undefined;
    this.core = undefined;
  }

  powerOff(): void {
    this.kill();
    this.isOn = false;
    this.kernel.forgetEverything();
  }

  /** After `powerOff`: what was connected is gone with its processes. */
  powerOn(): void {
    this.isOn = true;
    this.records.endpoints.clear();
    this.machine = this.#boot();
  }

  sleep(): void {
    this.machine.sleep();
  }

  wake(): void {
    this.machine.wake();
    this.#guardSoon();
  }

  #boot(): SimulatedMachine {
    const { time } = this.#server;
    const rate = time.between([0.98, 1.02]);
    this.#boots += 1;
    return new SimulatedMachine(time, { offsetMs: -time.nowMs * rate, rate });
  }

  /** Nobody can close anything in the moment in which a machine wakes or a daemon starts. */
  #guardSoon(): void {
    this.#guardedSinceMs = this.#server.time.nowMs + 1_000;
    this.#server.time.after(1_001, () => this.kernel.onReach());
  }

  #memory(clock: SimulatedClock): ClusterMemory {
    let last: Promise<void> = Promise.resolve();
    const write = (remembered: Remembered) =>
      new Promise<void>((resolve) => {
        clock.after(clock.random() * 2, () => {
          this.remembered = { ...remembered, blocks: [...remembered.blocks] };
          resolve();
        });
      });
    return {
      read: () => this.remembered,
      write: (remembered) => {
        last = last.then(() => write(remembered));
        return last;
      },
    };
  }
}
