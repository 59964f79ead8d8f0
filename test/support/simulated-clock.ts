// The clocks of simulated machines: each goes a little wrong, stands still for nobody, and what a sleeping machine should have done
// is late.
import type { Clock } from '../../src/cluster/clock.ts';
import type { SimulatedTime } from './simulated-time.ts';

/** One machine; programs on it have a clock each. */
export class SimulatedMachine {
  readonly time: SimulatedTime;
  readonly #offsetMs: number;
  readonly #rate: number;
  #isAsleep = false;
  /** What is due since it fell asleep. */
  #late: (() => void)[] = [];

  /** `rate`: how much of its own time passes in a second. */
  constructor(time: SimulatedTime, { offsetMs = 0, rate = 1 } = {}) {
    this.time = time;
    this.#offsetMs = offsetMs;
    this.#rate = rate;
  }

  get isAsleep(): boolean {
    return this.#isAsleep;
  }

  nowMs(): number {
    return this.#offsetMs + this.time.nowMs * this.#rate;
  }

  /** Own time to that of the world. */
  toWorld(delayMs: number): number {
    return delayMs / this.#rate;
  }

  sleep(): void {
    this.#isAsleep = true;
  }

  /** What is late is done within a moment, in no certain order. */
  wake(): void {
    this.#isAsleep = false;
    const late = this.#late;
    this.#late = [];
    for (const work of late) this.time.after(this.time.between([0, 5]), () => this.whenAwake(work));
  }

  whenAwake(work: () => void): void {
    if (this.#isAsleep) this.#late.push(work);
    else work();
  }
}

/** Of one program, which may end: nothing of it runs after `stop`. */
export class SimulatedClock implements Clock {
  readonly machine: SimulatedMachine;
  #isStopped = false;

  constructor(machine: SimulatedMachine) {
    this.machine = machine;
  }

  nowMs(): number {
    return this.machine.nowMs();
  }

  after(delayMs: number, work: () => void): () => void {
    return this.afterInWorld(this.machine.toWorld(delayMs), work);
  }

  random(): number {
    return this.machine.time.randomness.next();
  }

  /** Something from outside, which takes its time by no clock of this machine's. */
  afterInWorld(delayMs: number, work: () => void): () => void {
    let isCancelled = false;
    const run = () => {
      if (!isCancelled && !this.#isStopped) work();
    };
    const cancel = this.machine.time.after(delayMs, () => this.machine.whenAwake(run));
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  stop(): void {
    this.#isStopped = true;
  }
}
