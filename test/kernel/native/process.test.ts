// Processes are watched and signalled without mistaking one for another.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { raiseOpenFiles, sendSignal, startTime, watchProcess } from '../../../src/kernel/process.ts';
import { until } from './until.ts';

const children: ChildProcess[] = [];

function startProcess(name = 'sleep'): { child: ChildProcess; pid: number; start: number } {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore', argv0: name });
  children.push(child);
  const pid = child.pid ?? 0;
  return { child, pid, start: startTime(pid) ?? -1 };
}

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
});

test('the start time of this process is in the past and does not change', () => {
  expect(startTime(process.pid)).toBeGreaterThan(0);
  expect(startTime(process.pid)).toBe(startTime(process.pid));
});

test('a process that does not exist has no start time', () => {
  expect(startTime(2 ** 22 + 1)).toBeUndefined();
});

test('a watch fires once when the process ends', async () => {
  const { child, pid, start } = startProcess();
  let ended = 0;
  watchProcess(pid, start, () => ended++);
  expect(ended).toBe(0);
  child.kill('SIGKILL');
  await until(() => ended > 0);
  expect(ended).toBe(1);
  expect(startTime(pid)).toBeUndefined();
});

test('several watches of one process all fire', async () => {
  const { child, pid, start } = startProcess();
  let ended = 0;
  for (let i = 0; i < 50; i++) watchProcess(pid, start, () => ended++);
  child.kill('SIGKILL');
  await until(() => ended === 50);
});

test('a watch of another process with the same pid fires soon, after the call', async () => {
  const { pid, start } = startProcess();
  let ended = 0;
  watchProcess(pid, start + 1, () => ended++);
  expect(ended).toBe(0);
  await until(() => ended === 1);
});

test('a cancelled watch does not fire', async () => {
  const { child, pid, start } = startProcess();
  const fired: string[] = [];
  const cancel = watchProcess(pid, start, () => fired.push('cancelled'));
  watchProcess(pid, start, () => fired.push('kept'));
  cancel();
  cancel();
  watchProcess(pid, start + 1, () => fired.push('cancelled too'))();
  child.kill('SIGKILL');
  await until(() => fired.includes('kept'));
  expect(fired).toEqual(['kept']);
});

test('a signal reaches the process that was meant', async () => {
  const { child, pid, start } = startProcess();
  expect(sendSignal(pid, start, 'TERM')).toBe(true);
  expect((await once(child, 'exit'))[1]).toBe('SIGTERM');
  expect(sendSignal(pid, start, 'TERM')).toBe(false);
});

test('a signal does not reach another process with the same pid', () => {
  const { child, pid, start } = startProcess();
  expect(sendSignal(pid, start - 1, 'KILL')).toBe(false);
  expect(startTime(pid)).toBe(start);
  expect(child.signalCode).toBeNull();
});

test('a signal nobody has heard of is refused', () => {
  const { pid, start } = startProcess();
  expect(() => sendSignal(pid, start, 'NOSUCH')).toThrow('there is no signal NOSUCH');
});

test('as many descriptors may be open as the process may have, which with CAP_SYS_RESOURCE is as many as the kernel gives', () => {
  const capSysResource = 1n << 24n;
  const capabilities = /^CapEff:\s+(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  const mayRaise = (BigInt(`0x${capabilities}`) & capSysResource) !== 0n;
  const most = readFileSync('/proc/sys/fs/nr_open', 'utf8').trim();
  const wanted = mayRaise ? most : openFiles().hard;
  expect(String(raiseOpenFiles())).toBe(wanted);
  expect(openFiles()).toEqual({ soft: wanted, hard: wanted });
});

function openFiles() {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  const [, soft, hard] = /^Max open files +(\d+) +(\d+) /m.exec(limits) ?? [];
  return { soft, hard };
}
