// The executable `fairlead-cni` towards runtimes and towards netd: what it says itself, asks, and passes on.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type CniCall, callCni, documentOf } from '../support/cni-caller.ts';
import { FakeNetd } from '../support/fake-netd.ts';
import { TestHost } from '../support/test-host.ts';

const executable = new URL('../../bin/fairlead-cni', import.meta.url).pathname;
const versions = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'];
let netd: FakeNetd;

beforeEach(async () => {
  netd = await FakeNetd.start();
});
afterEach(() => netd[Symbol.asyncDispose]());

/** Calls it with FAIRLEAD_HOST naming the fake. */
function call(command: string | undefined, { env, ...rest }: CniCall = {}) {
  return callCni(command, { env: { FAIRLEAD_HOST: netd.host, ...env }, ...rest });
}

describe('without netd', () => {
  beforeEach(() => netd.die());

  test('started by hand, it says what it is', async () => {
    const { status, stdout, stderr } = await call(undefined, { program: '/opt/cni/bin/mynet' });
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    expect(stderr).toMatch(/^mynet: .*CNI plugin.*netd\n/);
    expect(stderr).toContain(`versions supported: ${versions.join(' ')}\n`);
  });

  test('it tells its versions without waiting for a configuration', async () => {
    const child = spawn(executable, [], { env: { CNI_COMMAND: 'VERSION' } });
    const output: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    const [status] = await once(child, 'close'); // its input is still open
    expect(status).toBe(0);
    const document = { cniVersion: '1.1.0', supportedVersions: versions };
    expect(Buffer.concat(output).toString()).toBe(`${JSON.stringify(document)}\n`);
    child.stdin.destroy();
  });

  test.each([
    ['ADD', 11],
    ['CHECK', 11],
    ['GC', 11],
    ['STATUS', 50],
  ])('%s fails with code %i, naming the socket', async (command, code) => {
    const outcome = await call(command);
    expect(outcome.status).toBe(1);
    const document = documentOf(outcome);
    expect(document).toMatchObject({ cniVersion: '1.0.0', code });
    expect(document['msg']).toBe(`cannot reach netd at ${netd.host}: No such file or directory`);
  });
});

test('a socket that nobody listens at any more is named, too', async () => {
  const socket = netd.host.slice('unix://'.length);
  renameSync(socket, `${socket}.kept`); // or the file would go with its server
  await netd.die();
  renameSync(`${socket}.kept`, socket);
  const message = `cannot reach netd at ${netd.host}: Connection refused`;
  expect(documentOf(await call('ADD'))).toMatchObject({ code: 11, msg: message });
});

describe('what netd is asked', () => {
  test('the variables of CNI and of tracing, the name it runs under, and the configuration as it is', async () => {
    const trace = { TRACEPARENT: '00-a-b-01', TRACESTATE: 'x=1', BAGGAGE: 'k=v' };
    const own = { CNI_ARGS: 'A="ü"\n', CNI_FUTURE: '', CNI_NETNS: undefined };
    const input = ' {"name": "lab",\n "x": "ü\\u0001"}\n';
    const program = '/opt/cni/bin/mynet';
    const { status } = await call('DEL', { env: { ...trace, ...own, XCNI_A: '1' }, input, program });
    expect(status).toBe(0);
    const said = { CNI_COMMAND: 'DEL', CNI_CONTAINERID: 'c1', CNI_IFNAME: 'eth0', CNI_PATH: '/nowhere' };
    expect(netd.cniBodies.map((body) => JSON.parse(body))).toEqual([
      {
        environment: { ...said, CNI_ARGS: 'A="ü"\n', CNI_FUTURE: '', ...trace },
        program: 'mynet',
        configuration: input,
      },
    ]);
  });

  test.each(['ADD', 'DEL', 'CHECK', 'GC', 'STATUS'])('%s is posted once', async (command) => {
    netd.answerCni((response) => response.end('{}'));
    expect(await call(command)).toEqual({ status: 0, stdout: '{}\n', stderr: '' });
    const environment = expect.objectContaining({ CNI_COMMAND: command });
    expect(netd.cniBodies.map((body) => JSON.parse(body))).toEqual([
      expect.objectContaining({ environment }),
    ]);
  });

  test.each<[string, (other: FakeNetd) => object, boolean]>([
    ['a path in the configuration', (other) => ({ socket: other.host.slice('unix://'.length) }), true],
    ['an address in the configuration', (other) => ({ socket: other.host }), true],
    ['a key in other letters', (other) => ({ SOCKET: other.host }), true],
    [
      'the last of several such keys',
      (other) => ({ Socket: '/no', SOCKET: '/no', sOCKET: other.host }),
      true,
    ],
    ['the exact key of several', (other) => ({ SOCKET: '/no', socket: other.host, Socket: '/no' }), true],
    ['nothing', () => ({}), false],
    ['an empty socket', () => ({ socket: '' }), false],
    ['null', () => ({ socket: null }), false],
  ])('where: %s', async (_what, more, isOther) => {
    await using other = await FakeNetd.start();
    const { status } = await call('DEL', { input: { NAME: 'lab', ...more(other) } });
    expect(status).toBe(0);
    expect([netd.cniBodies.length, other.cniBodies.length]).toEqual(isOther ? [0, 1] : [1, 0]);
  });

  test('where: escapes in the configuration mean what they stand for', async () => {
    await using other = await FakeNetd.start();
    const link = join(other.folder, 'ü🚢');
    symlinkSync(other.folder, link);
    const socket = `${link}/api.sock`
      .replace('ü', '\\u00fc')
      .replace('🚢', '\\uD83D\\udea2')
      .replaceAll('/', '\\/');
    const { status } = await call('DEL', { input: `{"n\\u0061me":"lab","socket":"${socket}"}` });
    expect({ status, asked: other.cniBodies.length }).toEqual({ status: 0, asked: 1 });
  });

  test('where: as netd listens when nobody says otherwise', async () => {
    await using host = await TestHost.start();
    const env = { CNI_COMMAND: 'STATUS', CNI_PATH: '/x', FAIRLEAD_HOST: '' };
    const { stdout } = await host.attempt(['fairlead-cni'], { env, input: '{"name":"lab"}' });
    expect(JSON.parse(stdout)['msg']).toContain('unix:///run/fairlead/api.sock');
  });
});

describe('what netd answers', () => {
  const refusal = JSON.stringify({ cniVersion: '1.0.0', code: 101, msg: 'pool is full' });

  test.each<[string, string, number, string, { status: number; stdout: string }]>([
    ['a result', 'ADD', 200, '{\n "ips": []\n}', { status: 0, stdout: '{\n "ips": []\n}\n' }],
    ['a result that is a whole line', 'ADD', 200, '{}\n', { status: 0, stdout: '{}\n' }],
    ['nothing', 'DEL', 200, '', { status: 0, stdout: '' }],
    ['a refusal', 'ADD', 409, refusal, { status: 1, stdout: `${refusal}\n` }],
    ['a refusal of DEL', 'DEL', 503, refusal, { status: 1, stdout: `${refusal}\n` }],
  ])('%s is passed on', async (_what, command, status, body, expected) => {
    netd.answerCni((response) => response.writeHead(status).end(body));
    expect(await call(command)).toEqual({ ...expected, stderr: '' });
  });

  test.each<[string, string, number, string]>([
    ['no JSON', 'CHECK', 500, 'oh no'],
    ['no JSON as a result', 'ADD', 200, 'oh no'],
    ['no result for ADD', 'ADD', 200, ''],
    ['an error without a code', 'STATUS', 404, '{"message":"no POST /fairlead/v1/cni"}'],
    ['an error without a word', 'GC', 500, ''],
  ])('%s is an error of its own', async (_what, command, status, body) => {
    netd.answerCni((response) => response.writeHead(status).end(body));
    const outcome = await call(command);
    expect(outcome.status).toBe(1);
    const socket = netd.host.slice('unix://'.length);
    expect(documentOf(outcome)).toEqual({
      cniVersion: '1.0.0',
      code: 999,
      msg: `netd at ${socket} answered ${status} with what is no CNI document`,
      ...(body !== '' && { details: body }),
    });
  });

  test.each([
    ['ADD', 11],
    ['STATUS', 50],
  ])('when it breaks off, %s fails with code %i', async (command, code) => {
    netd.answerCni((response) => response.socket?.destroy());
    const msg = expect.stringMatching(/^netd.* \(asked at unix:\/\/.*\/api\.sock, for at most 30 s\)$/);
    expect(documentOf(await call(command))).toMatchObject({ code, msg });
  });
});
