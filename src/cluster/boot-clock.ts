// The clock of this machine: time since its start, with the time it was asleep (CLOCK_BOOTTIME).
import { readFileSync } from 'node:fs';
import type { Clock } from './clock.ts';

/** Timers of Node stand still while the machine sleeps: none is set for longer than this, to be only so much late afterwards. */
const longestTimerMs = 1000;

/** What time is counted from; another one after each start of the machine. */
export function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

export class BootClock implements Clock {
  /** `/proc/uptime` is CLOCK_BOOTTIME in hundredths of a second (fs/proc/uptime.c). */
  nowMs(): number {
    return Math.round(Number.parseFloat(readFileSync('/proc/uptime', 'latin1')) * 1000);
  }

  /** Keeps no process alive. */
  after(delayMs: number, work: () => void): () => void {
    const dueMs = this.nowMs() + delayMs;
    let timer: NodeJS.Timeout | undefined;
    const arm = (leftMs: number) => {
      timer = setTimeout(check, Math.max(0, Math.min(leftMs, longestTimerMs)));
      timer.unref();
    };
    const check = () => {
      const leftMs = dueMs - this.nowMs();
      if (leftMs > 0) arm(leftMs);
      else work();
    };
    arm(delayMs);
    return () => clearTimeout(timer);
  }

  random(): number {
    return Math.random();
  }
}
