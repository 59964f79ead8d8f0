// Commands that outlive their caller: the supervisor, its log, its state file, its restarts.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FakeNetd } from '../support/fake-netd.ts';
import type { CommandResult } from '../support/host-process.ts';
import { TestHost } from '../support/test-host.ts';
import { waitUntil } from '../support/wait-until.ts';

const id = 'f00d'.repeat(16);
let host: TestHost;
let netd: FakeNetd;

beforeAll(async () => {
  host = await TestHost.start();
});
afterAll(() => host[Symbol.asyncDispose]());
beforeEach(async () => {
  netd = await FakeNetd.start();
});
afterEach(async () => {
  for (const { pid } of netd.supervisors) await host.attempt(['kill', '-9', String(pid)]);
  await netd[Symbol.asyncDispose]();
});

const path = (name: string) => join(netd.folder, name);
const log = () => readFileSync(path('log'), 'utf8');
const state = () => readFileSync(path('state'), 'utf8');

function plan(...fields: readonly string[]): void {
  netd.plan('detach=1', `id=${id}`, `log=${path('log')}`, `state=${path('state')}`, ...fields);
}

function launch(): Promise<CommandResult> {
  return host.attempt(['net', '-H', netd.host, 'run', '-d', 'x']);
}

/** Launches a shell script that must start; returns the supervisor's pid. */
async function detached(script: string, ...fields: readonly string[]): Promise<number> {
  plan(...fields, 'arg=sh', 'arg=-c', `arg=${script}`);
  expect(await launch()).toEqual({ status: 0, stdout: `${id}\n`, stderr: '' });
  return supervisor();
}

function supervisor(): number {
  const pid = netd.supervisors.at(-1)?.pid;
  if (pid === undefined) throw new Error('no supervisor made itself known');
  return pid;
}

function runningPid(): number {
  const pid = /^running (\d+) \d+\n$/.exec(state())?.[1];
  if (pid === undefined) throw new Error(`state is ${state()}`);
  return Number(pid);
}

async function isAlive(pid: number): Promise<boolean> {
  return (await host.attempt(['sh', '-c', `grep -qs '^State:.[^Z]' /proc/${pid}/status`])).status === 0;
}

function untilGone(pid: number): Promise<unknown> {
  return waitUntil(`process ${pid} is gone`, async () => !(await isAlive(pid)));
}

function signal(pid: number, name: string): Promise<string> {
  return host.run(['kill', '-s', name, String(pid)]);
}

describe('the start', () => {
  test('the id is printed, netd knows the supervisor, and the state names the command', async () => {
    const pid = await detached('echo out; echo problem >&2; exec sleep 1000');
    expect(netd.supervisors).toEqual([{ path: `/fairlead/v1/sandboxes/${id}/process`, pid }]);
    const [, command, startTime] = state().trim().split(' ');
    expect(await host.shell(`awk '{print $1, $4, $22}' /proc/${command}/stat`)).toBe(
      `${command} ${pid} ${startTime}`,
    );
    await waitUntil('both lines are in the log', () => log() === 'out\nproblem\n');
  });

  test('the end is recorded', async () => {
    const pid = await detached('exit 42');
    await untilGone(pid);
    expect(state()).toBe('exited 42\n');
  });

  test('a log that is there is continued', async () => {
    await host.shell(`echo before >${path('log')}`);
    await untilGone(await detached('echo after'));
    expect(log()).toBe('before\nafter\n');
  });

  test.each([
    [
      'cannot be found',
      'arg=no-such-command',
      127,
      'cannot execute no-such-command: No such file or directory',
    ],
    ['cannot be executed', 'arg=/etc/passwd', 126, 'cannot execute /etc/passwd: Permission denied'],
  ])('a command that %s is told to the caller', async (_, field, status, message) => {
    plan('restart=always', field);
    expect(await launch()).toEqual({ status, stdout: '', stderr: `net: ${message}\n` });
    expect(state()).toBe(`exited ${status}\n`);
    await untilGone(supervisor());
  });

  test('a place that cannot be made is told to the caller', async () => {
    plan('netns=/run/netns/gone', 'arg=true');
    const { status, stderr } = await launch();
    expect(status).toBe(125);
    expect(stderr).toBe(
      'net: cannot open the network namespace /run/netns/gone: No such file or directory\n',
    );
    expect(state()).toBe('exited 125\n');
  });

  test.each(['log', 'state'])('a %s that cannot be written is told to the caller', async (key) => {
    plan(`${key}=/no/such/file`, 'arg=sleep', 'arg=1000');
    const { status, stderr } = await launch();
    expect(status).toBe(125);
    expect(stderr).toMatch(/^net: cannot (open|write) \/no\/such\/file: No such file or directory\n$/);
    expect((await host.attempt(['pgrep', '-f', '^sleep 1000$'])).stdout).toBe('');
  });

  test('a netd that does not take the supervisor stops the start', async () => {
    netd.refuseSupervisors('sandbox is gone\n');
    plan('arg=touch', `arg=${path('started')}`);
    const { status, stderr } = await launch();
    expect({ status, stderr }).toEqual({
      status: 125,
      stderr: 'net: netd does not take the supervisor: sandbox is gone\n',
    });
    expect(() => statSync(path('started'))).toThrow('ENOENT');
  });
});

describe('what the command gets', () => {
  test('a session, default signals and nothing the caller had open', async () => {
    // A shell blocks signals for a moment when it starts a program, so it must look at itself by itself.
    const signals =
      'while read -r word mask; do case $word in SigBlk:|SigIgn:) echo "$word\t$mask";; esac; done';
    const look = `ls /proc/$$/fd; readlink /proc/$$/fd/0; ${signals} </proc/$$/status; ps -o sid= -p $$; echo $$`;
    plan('arg=sh', 'arg=-c', `arg=${look}`);
    await host.shell(`exec 7</etc; nohup env --block-signal=TERM net -H ${netd.host} run -d x`);
    await untilGone(supervisor());
    const lines = log()
      .trim()
      .split('\n')
      .map((line) => line.trim());
    expect(lines.slice(0, 4)).toEqual(['0', '1', '2', '/dev/null']);
    expect(lines.slice(4, 6).map((line) => Number.parseInt(line.split('\t')[1] ?? '', 16))).toEqual([0, 0]);
    expect(lines[6]).toBe(lines[7]);
  });

  test('with tty a terminal, whose output is in the log', async () => {
    const pid = await detached(
      'tty; stty size; test -t 0 && test -t 1 && test -t 2 && echo all; echo x >/dev/tty',
      'tty=1',
    );
    await untilGone(pid);
    expect(log()).toMatch(/^\/dev\/pts\/\d+\r\n24 80\r\nall\r\nx\r\n$/);
    expect(state()).toBe('exited 0\n');
  });

  test('nothing it prints on its terminal is lost at its end', async () => {
    await untilGone(await detached('seq 20000', 'tty=1'));
    expect(log().split('\r\n')).toEqual([
      ...Array.from({ length: 20_000 }, (_, index) => `${index + 1}`),
      '',
    ]);
  });

  test('a log that is full costs a command with a terminal its output and nothing else', async () => {
    const script = `seq 20000; echo done >${path('marker')}; exit 5`;
    plan('log=/dev/full', 'tty=1', 'arg=sh', 'arg=-c', `arg=${script}`);
    await launch();
    await untilGone(supervisor());
    expect(readFileSync(path('marker'), 'utf8')).toBe('done\n');
    expect(state()).toBe('exited 5\n');
  });
});

describe('the supervisor', () => {
  test('holds no directory, no namespace and no descriptor of the caller', async () => {
    await host.shell('ip netns add held');
    plan('netns=/run/netns/held', 'sysfs=1', 'hostname=held', 'arg=sleep', 'arg=1000');
    await host.shell(`mkdir -p /run/here; cd /run/here; exec 7</etc; net -H ${netd.host} run -d x`);
    const pid = supervisor();
    const inspect = `readlink /proc/${pid}/cwd; readlink /proc/${pid}/ns/net /proc/${pid}/ns/mnt /proc/${pid}/ns/uts`;
    const own = await host.shell('readlink /proc/self/ns/net /proc/self/ns/mnt /proc/self/ns/uts');
    expect(await host.shell(inspect)).toBe(`/\n${own}`);
    const open = await host.shell(`for fd in $(ls /proc/${pid}/fd); do readlink /proc/${pid}/fd/$fd; done`);
    expect(open.split('\n').sort()).toEqual(
      ['/dev/null', path('log'), path('log'), 'anon_inode:[signalfd]'].sort(),
    );
  });

  test('is started by a caller that has closed its standard streams', async () => {
    plan('arg=sh', 'arg=-c', 'arg=echo written; exec sleep 1000');
    await host.shell(`net -H ${netd.host} run -d x <&- >&- 2>&-`);
    await waitUntil('the output is in the log', async () => log().includes('written'));
    expect(await isAlive(runningPid())).toBe(true);
  });

  test('goes on when netd dies', async () => {
    const pid = await detached(`while [ ! -e ${path('go')} ]; do sleep 0.05; done; exit 3`);
    await netd.die();
    await host.run(['touch', path('go')]);
    await untilGone(pid);
    expect(state()).toBe('exited 3\n');
  });

  test('takes the command with it when it is killed', async () => {
    await host.shell('ip netns add doomed');
    const pid = await detached('exec sleep 1000', 'uid=1234', 'gid=1234', 'netns=/run/netns/doomed');
    const command = runningPid();
    await signal(pid, 'KILL');
    await untilGone(command);
    expect(runningPid()).toBe(command);
  });

  test.each(['TERM', 'INT', 'HUP', 'QUIT', 'USR1', 'USR2', 'WINCH', 'CONT'])(
    'hands on SIG%s',
    async (name) => {
      const pid = await detached(
        `trap 'echo got ${name}; exit 9' ${name}; echo up; while :; do sleep 0.02; done`,
      );
      await waitUntil('the trap is set', () => log() === 'up\n');
      await signal(pid, name);
      await untilGone(pid);
      expect(log()).toBe(`up\ngot ${name}\n`);
      expect(state()).toBe('exited 9\n');
    },
  );

  test('records a death by signal as the shell would', async () => {
    const pid = await detached('kill -KILL $$');
    await untilGone(pid);
    expect(state()).toBe('exited 137\n');
  });
});

describe('restarts', () => {
  test.each([
    ['no', 1, 1],
    ['on-failure', 0, 1],
    ['on-failure:0', 7, 1],
    ['on-failure:2', 7, 3],
  ])('by policy %s a command that ends with %i is started %i times', async (policy, status, starts) => {
    await untilGone(await detached(`echo started; exit ${status}`, `restart=${policy}`));
    expect(log()).toBe('started\n'.repeat(starts));
    expect(state()).toBe(`exited ${status}\n`);
  });

  test('by policy always a command is started again, whatever its end, until it is told to end', async () => {
    const pid = await detached('echo started; exec sleep 1000', 'restart=always');
    await waitUntil('it runs', () => log() === 'started\n');
    await signal(runningPid(), 'KILL');
    await waitUntil('it runs again', () => log() === 'started\nstarted\n');
    await signal(pid, 'TERM');
    await untilGone(pid);
    expect(log()).toBe('started\nstarted\n');
    expect(state()).toBe('exited 143\n');
  });

  test('a command on a terminal gets a new one', async () => {
    await untilGone(await detached('test -t 0 && echo started; exit 1', 'restart=on-failure:1', 'tty=1'));
    expect(log()).toBe('started\r\nstarted\r\n');
  });

  test.each(['TERM', 'INT'])('SIG%s ends a wait for a restart', async (name) => {
    const pid = await detached('echo started; exit 4', 'restart=always');
    // By then a wait takes seconds.
    await waitUntil('it has ended for the fifth time', async () => {
      if (log() !== 'started\n'.repeat(5)) return false;
      return (await host.shell(`cat /proc/${pid}/task/${pid}/children`)) === '';
    });
    await signal(pid, name);
    await untilGone(pid);
    expect(state()).toBe('exited 4\n');
  });

  test('a restart that fails is told in the log, and counts', async () => {
    await host.shell('ip netns add fleeting');
    const script = `while [ ! -e ${path('go')} ]; do sleep 0.05; done; exit 1`;
    const pid = await detached(script, 'restart=on-failure:2', 'netns=/run/netns/fleeting');
    await host.shell(`ip netns delete fleeting; touch ${path('go')}`);
    await untilGone(pid);
    expect(log()).toContain(
      'net: cannot open the network namespace /run/netns/fleeting: No such file or directory\n',
    );
    expect(state()).toBe('exited 125\n');
  });
});
