// Processes told apart by pid and start time, watched and signalled by pidfd, so that a reused pid is never mistaken.
import { closeSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { NetError } from '../base/errors.ts';
import { native } from './native.ts';

/**
 * Lets this process have as many descriptors open as the kernel gives to any (fs.nr_open), and says how many it may: a published
 * port takes one or two. Without CAP_SYS_RESOURCE it is the limit the process was started with.
 */
export function raiseOpenFiles(): number {
  return native.raiseOpenFiles(Number(readFileSync('/proc/sys/fs/nr_open', 'utf8')));
}

/** Start time of a live process in clock ticks since boot, or undefined; one that waits to be reaped has ended. */
export function startTime(pid: number): number | undefined {
  const stat = readStat(pid);
  if (stat === undefined) return undefined;
  // The name in parentheses may hold anything; state is field 3, starttime field 22 (man 5 proc).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ended = fields[0] === 'Z' || fields[0] === 'X';
  return ended ? undefined : Number(fields[19]);
}

/**
 * Calls `ended` once when that very process ends, soon if it has ended already. Returns a function that cancels this.
 * A watch alone does not keep the process running.
 */
export function watchProcess(pid: number, start: number, ended: () => void): () => void {
  const pidfd = openProcess(pid, start);
  let waiting = true;
  const settle = () => {
    stop();
    if (waiting) ended();
    waiting = false;
  };
  const stop = pidfd === undefined ? () => {} : native.poll(pidfd, settle);
  if (pidfd === undefined) queueMicrotask(settle);
  return () => {
    waiting = false;
    stop();
  };
}

/** Sends a signal (`TERM`, `KILL`, …) to that very process. False when it has ended. Errors: `invalid_parameter`. */
export function sendSignal(pid: number, start: number, signal: string): boolean {
  const number = (constants.signals as Readonly<Record<string, number>>)[`SIG${signal}`];
  if (number === undefined) throw new NetError('invalid_parameter', `there is no signal ${signal}`);
  const pidfd = openProcess(pid, start);
  if (pidfd === undefined) return false;
  try {
    native.signalProcess(pidfd, number);
    return true;
  } catch (error) {
    if (isNoSuchProcess(error)) return false;
    throw error;
  } finally {
    closeSync(pidfd);
  }
}

/** A pidfd of the process that started then, or undefined when it has ended. */
function openProcess(pid: number, start: number): number | undefined {
  if (startTime(pid) !== start) return undefined;
  let pidfd: number;
  try {
    pidfd = native.openProcess(pid);
  } catch (error) {
    if (isNoSuchProcess(error)) return undefined;
    throw error;
  }
  // Between the look and the opening the pid may have passed to another process; from here on it cannot.
  if (startTime(pid) === start) return pidfd;
  closeSync(pidfd);
  return undefined;
}

function readStat(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    if (isNoSuchProcess(error)) return undefined;
    throw error;
  }
}

function isNoSuchProcess(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ESRCH';
}
