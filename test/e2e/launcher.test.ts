// `net run` and `net exec` towards netd and towards the caller: what is asked, how answers and ends are passed on.
import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FakeNetd } from '../support/fake-netd.ts';
import type { CommandResult } from '../support/host-process.ts';
import { TestHost } from '../support/test-host.ts';

const executable = new URL('../../bin/net', import.meta.url).pathname;
let host: TestHost;
let netd: FakeNetd;

beforeAll(async () => {
  host = await TestHost.start();
});
afterAll(() => host[Symbol.asyncDispose]());
beforeEach(async () => {
  netd = await FakeNetd.start();
});
afterEach(() => netd[Symbol.asyncDispose]());

function net(...args: readonly string[]): Promise<CommandResult> {
  return host.attempt(['net', '-H', netd.host, ...args]);
}

describe('what netd is asked', () => {
  test('verb, arguments, pid, directory and terminals are sent as they are', async () => {
    netd.plan('arg=sh', 'arg=-c', 'arg=echo $$');
    const args = ['--name', 'a "b" \\ \n\u0001', 'grüße 網 🚢', ''];
    const { stdout } = await host.attempt([
      'sh',
      '-c',
      'cd /var/lib && exec net "$@"',
      'sh',
      '-H',
      netd.host,
      'exec',
      ...args,
    ]);
    const pid = Number(stdout);
    expect(netd.launches).toEqual([
      { verb: 'exec', arguments: args, pid, directory: '/var/lib', terminal: [false, false, false] },
    ]);
  });

  test('a terminal is told as one', async () => {
    netd.plan('arg=tty');
    const { stdout, status } = await host.attempt([
      'script',
      '-qec',
      `net -H ${netd.host} run x`,
      '/dev/null',
    ]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^\/dev\/pts\/\d+/);
    expect(netd.launches[0]?.terminal).toEqual([true, true, true]);
  });

  test('many and long arguments arrive whole', async () => {
    netd.plan('arg=true');
    const args = Array.from({ length: 900 }, (_, index) => `${index}`.repeat(300));
    expect((await net('run', ...args)).status).toBe(0);
    expect(netd.launches[0]?.arguments).toEqual(args);
  });

  test.each(['\\xff', '\\xc0\\x80', '\\xed\\xa0\\x80', '\\xf4\\x90\\x80\\x80', 'a\\xe2\\x82'])(
    'an argument that is not UTF-8 (%s) is refused before netd is asked',
    async (bytes) => {
      const { status, stderr } = await host.attempt([
        'bash',
        '-c',
        `exec net -H ${netd.host} run x $'${bytes}'`,
      ]);
      expect({ status, stderr }).toEqual({ status: 125, stderr: 'net: argument 2 is not valid UTF-8\n' });
      expect(netd.launches).toEqual([]);
    },
  );

  test('a working directory that is gone is named as the reason', async () => {
    const gone = 'mkdir /run/gone && cd /run/gone && rmdir /run/gone && exec net run x';
    const { status, stderr } = await host.attempt(['sh', '-c', gone]);
    expect(status).toBe(125);
    expect(stderr).toBe('net: cannot tell the working directory: No such file or directory\n');
  });

  test.each([
    ['-H', (address: string) => ['-H', address]],
    ['-H in one word', (address: string) => [`-H${address}`]],
    ['--host', (address: string) => ['--host', address]],
    ['--host=', (address: string) => [`--host=${address}`]],
  ])('the socket is taken from %s, before FAIRLEAD_HOST', async (_, options) => {
    netd.plan('arg=true');
    const env = { FAIRLEAD_HOST: 'unix:///nowhere' };
    const { status } = await host.attempt(['net', ...options(netd.host), 'run', 'x'], { env });
    expect(status).toBe(0);
  });

  test('the socket is taken from FAIRLEAD_HOST', async () => {
    netd.plan('arg=true');
    const { status } = await host.attempt(['net', 'run', 'x'], { env: { FAIRLEAD_HOST: netd.host } });
    expect(status).toBe(0);
  });

  test('a host that is no unix socket is wrong usage', async () => {
    const { status, stderr } = await host.attempt(['net', '-H', 'tcp://localhost:1', 'run', 'x']);
    expect(status).toBe(2);
    expect(stderr).toBe('net: host tcp://localhost:1 is not of the form unix:///PATH\n');
  });
});

describe('what netd answers', () => {
  test('without a netd the socket is named', async () => {
    const { status, stderr } = await host.attempt(['net', 'run', 'x']);
    expect(status).toBe(125);
    expect(stderr).toBe(
      'net: cannot reach netd at unix:///run/fairlead/api.sock: No such file or directory\n',
    );
  });

  test('a netd that has died is told from one that never was', async () => {
    await netd.die();
    writeFileSync(join(netd.folder, 'api.sock'), '');
    expect((await net('run', 'x')).stderr).toContain('Connection refused');
  });

  test('a path no socket can have is named', async () => {
    const { status, stderr } = await host.attempt(['net', '-H', `unix:///${'x'.repeat(200)}`, 'run', 'x']);
    expect(status).toBe(125);
    expect(stderr).toMatch(/^net: the path of the socket, \/x+, is empty or too long\n$/);
  });

  test.each([
    ['the header says 2', { 'fairlead-exit': '2' }, 2],
    ['the header is missing', {}, 125],
    ['the header is nonsense', { 'fairlead-exit': '-7' }, 125],
    ['the header says 0', { 'fairlead-exit': '0' }, 125],
  ])('a refusal is printed; its exit status when %s', async (_, headers, expected) => {
    netd.answer(400, 'text/plain; charset=utf-8', 'unknown flag --nmae\n', headers);
    const { status, stdout, stderr } = await net('run', '--nmae', 'x');
    expect({ status, stdout, stderr }).toEqual({
      status: expected,
      stdout: '',
      stderr: 'net: unknown flag --nmae\n',
    });
  });

  test('a text that was asked for is printed', async () => {
    netd.answer(200, 'text/plain', 'Usage: net run\n');
    expect(await net('run', '--help')).toEqual({ status: 0, stdout: 'Usage: net run\n', stderr: '' });
  });

  test('a plan in chunks is put together', async () => {
    const head =
      'HTTP/1.1 200 OK\r\nContent-Type: application/x-fairlead-plan\r\nTransfer-Encoding: chunked\r\n\r\n';
    netd.answerRaw(
      `${head}f;x=y\r\ndirectory=/\0arg\r\n6\r\n=echo\0\r\nA\r\narg=whole\0\r\n0\r\nTrailer: x\r\n\r\n`,
    );
    expect(await net('run', 'x')).toEqual({ status: 0, stdout: 'whole\n', stderr: '' });
  });

  const plan = 'HTTP/1.1 200 OK\r\ncontent-type: application/x-fairlead-plan\r\n';
  test.each([
    ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n', 'it is not HTTP'],
    ['nothing', '', 'the connection was closed in the middle of the answer'],
    [
      'a head that never ends',
      `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(20_000)}`,
      'its head is larger than 65536 bytes',
    ],
    ['a line that never ends', 'x'.repeat(70_000), 'its head is larger than 65536 bytes'],
    ['a header without a name', 'HTTP/1.1 200 OK\r\n: x\r\n\r\n', 'a header of it is malformed'],
    ['a length that is no number', `${plan}content-length: -1\r\n\r\n`, 'its length is malformed'],
    ['a huge length', `${plan}content-length: 9999999999\r\n\r\n`, 'it is larger than 8388608 bytes'],
    [
      'less than announced',
      `${plan}content-length: 9\r\n\r\narg=x\0`,
      'the connection was closed in the middle of the answer',
    ],
    [
      'a chunk size that is no number',
      `${plan}transfer-encoding: chunked\r\n\r\nzz\r\n`,
      'the size of a chunk is malformed',
    ],
    [
      'a huge chunk',
      `${plan}transfer-encoding: chunked\r\n\r\nffffffff\r\n`,
      'it is larger than 8388608 bytes',
    ],
    ['a body without end', `${plan}\r\n${'arg=x\0'.repeat(1_500_000)}`, 'it is larger than 8388608 bytes'],
  ])('an answer that is %s is refused', async (_, bytes, reason) => {
    netd.answerRaw(bytes);
    const result = await net('run', 'x');
    expect(result).toEqual({
      status: 125,
      stdout: '',
      stderr: `net: netd's answer cannot be used: ${reason}\n`,
    });
  });

  test.each([
    ['an unknown field', ['arg=true', 'color=red'], "cannot follow netd's plan: field color=red"],
    ['a field without value', ['arg=true', 'netns'], "cannot follow netd's plan: field netns"],
    [
      'an id that means "leave it"',
      ['arg=true', 'uid=4294967295'],
      "cannot follow netd's plan: field uid=4294967295",
    ],
    ['a variable without name', ['arg=true', 'env==x'], "cannot follow netd's plan: field env==x"],
    [
      'an unknown restart policy',
      ['arg=true', 'restart=maybe'],
      "cannot follow netd's plan: field restart=maybe",
    ],
    ['no command', ['hostname=x'], "netd's plan lacks the field arg"],
    ['no log of a detached command', ['arg=true', 'detach=1', 'id=ab'], "netd's plan lacks the field log"],
  ])('a plan with %s is refused', async (_, fields, reason) => {
    netd.plan(...fields);
    expect(await net('run', 'x')).toEqual({ status: 125, stdout: '', stderr: `net: ${reason}\n` });
  });

  test.each([
    ['application/x-fairlead-plan', 'directory=/\0arg=true', "netd's plan is cut off"],
    ['text/html', '<p>', "netd's answer is not a plan"],
  ])('an answer of type %s that is %j is refused', async (type, body, reason) => {
    netd.answer(200, type, body);
    expect(await net('run', 'x')).toEqual({ status: 125, stdout: '', stderr: `net: ${reason}\n` });
  });
});

describe('the command in the foreground', () => {
  test.each([0, 1, 42, 255])('its exit status %i is passed on', async (expected) => {
    netd.plan('arg=sh', 'arg=-c', `arg=exit ${expected}`);
    expect((await net('run', 'x')).status).toBe(expected);
  });

  test('a signal reaches it, and ends it as it would without net', async () => {
    netd.plan('arg=sleep', 'arg=1000');
    const running = host.spawn([
      'bash',
      '-c',
      `net -H ${netd.host} run x & trap 'kill -TERM $!' USR1; echo up; wait $!; wait $!; echo $?`,
    ]);
    await running.line(/up/);
    await host.shell('until pgrep -x sleep; do read -rt 0.02 <> <(:) || true; done');
    process.kill(await running.pid(), 'SIGUSR1');
    expect((await running.ended).stdout).toBe('up\n143\n');
  });

  test('input and both outputs are its own', async () => {
    netd.plan('arg=sh', 'arg=-c', 'arg=cat; echo problem >&2');
    const bytes = 'line\n'.repeat(50_000);
    const result = await host.attempt(['net', '-H', netd.host, 'run', 'x'], { input: bytes });
    expect(result).toEqual({ status: 0, stdout: bytes, stderr: 'problem\n' });
  });

  test('what is blocked by the caller is not blocked in it; what nohup ignores stays ignored', async () => {
    netd.plan('arg=grep', 'arg=-E', 'arg=SigBlk|SigIgn', 'arg=/proc/self/status');
    const { stdout } = await host.attempt([
      'nohup',
      'env',
      '--block-signal=USR1',
      'net',
      '-H',
      netd.host,
      'run',
      'x',
    ]);
    expect(stdout).toMatch(/SigBlk:\s0000000000000000\nSigIgn:\s000000000000[01]001\n/);
  });

  test('no descriptor of the launcher stays open in it', async () => {
    const list = 'ls /proc/$$/fd';
    netd.plan('arg=sh', 'arg=-c', `arg=${list}`);
    expect((await net('run', 'x')).stdout).toBe((await host.attempt(['sh', '-c', list])).stdout);
  });

  test('a command that does not exist gives 127', async () => {
    netd.plan('arg=no-such-command');
    const { status, stderr } = await net('run', 'x');
    expect({ status, stderr }).toEqual({
      status: 127,
      stderr: 'net: cannot execute no-such-command: No such file or directory\n',
    });
  });

  test.each([
    ['a directory', '/etc'],
    ['a file that is not executable', '/etc/passwd'],
  ])('%s as a command gives 126', async (_, path) => {
    netd.plan(`arg=${path}`);
    const { status, stderr } = await net('run', 'x');
    expect({ status, stderr }).toEqual({
      status: 126,
      stderr: `net: cannot execute ${path}: Permission denied\n`,
    });
  });

  test.each([
    ['netns=/run/netns/gone', 'cannot open the network namespace /run/netns/gone: No such file or directory'],
    ['netns=/etc/passwd', 'cannot enter the network namespace /etc/passwd: Invalid argument'],
    ['directory=/no/such', 'cannot change to directory /no/such: No such file or directory'],
    ['bind=/no/such\n/etc/hosts', 'cannot use /no/such: No such file or directory'],
  ])('a plan that cannot be carried out (%j) gives 125', async (field, reason) => {
    netd.plan(field, 'arg=true');
    expect(await net('run', 'x')).toEqual({ status: 125, stdout: '', stderr: `net: ${reason}\n` });
  });
});

describe('other verbs', () => {
  /** An installation whose CLI is a shell script, as `node` is the shell here. */
  function install(): string {
    const root = join(netd.folder, 'installed');
    mkdirSync(join(root, 'bin'), { recursive: true });
    mkdirSync(join(root, 'dist/bin'), { recursive: true });
    copyFileSync(executable, join(root, 'bin/net'));
    chmodSync(join(root, 'bin/net'), 0o755);
    symlinkSync(join(root, 'bin/net'), join(netd.folder, 'linked'));
    writeFileSync(join(root, 'dist/bin/net.js'), 'printf "<%s>" "$@"; exit 3\n');
    return join(netd.folder, 'linked');
  }

  test.each([
    [[], '<>'],
    [['ls', '-q'], '<ls><-q>'],
    [['-H', 'unix:///x', 'inspect', 'a b'], '<-H><unix:///x><inspect><a b>'],
    [['--help'], '<--help>'],
    [['--unknown', 'run', 'x'], '<--unknown><run><x>'],
    [['-H'], '<-H>'],
  ])('%j goes to the CLI beside the executable, whatever links to it', async (args, expected) => {
    const { status, stdout } = await host.attempt([install(), ...args], { env: { FAIRLEAD_NODE: 'sh' } });
    expect({ status, stdout }).toEqual({ status: 3, stdout: expected });
  });

  test('node is looked for on the PATH', async () => {
    const env = { PATH: `${netd.folder}:/usr/bin:/bin`, FAIRLEAD_NODE: '' };
    symlinkSync('/bin/sh', join(netd.folder, 'node'));
    expect((await host.attempt([install(), 'ls'], { env })).stdout).toBe('<ls>');
  });

  test('without node the message says what to do', async () => {
    const { status, stderr } = await host.attempt([install(), 'ls'], { env: { FAIRLEAD_NODE: '/no/node' } });
    expect(status).toBe(125);
    expect(stderr).toBe(
      'net: cannot start /no/node (put Node on the PATH, or name it in FAIRLEAD_NODE): No such file or directory\n',
    );
  });

  test('without the CLI the message says what is missing', async () => {
    copyFileSync(executable, join(netd.folder, 'net'));
    chmodSync(join(netd.folder, 'net'), 0o755);
    const { status, stderr } = await host.attempt([join(netd.folder, 'net'), 'ls']);
    expect(status).toBe(125);
    expect(stderr).toMatch(
      /^net: cannot read .*\/dist\/bin\/net\.js: No such file or directory \(is Fairlead built\?\)\n$/,
    );
  });
});
