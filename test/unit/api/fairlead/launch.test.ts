import { describe, expect, test } from 'vitest';
import type { FakeController } from '../../../support/fake-controller.ts';
import { type TestApi, testApi } from '../../../support/test-api.ts';

const caller = { pid: 42, directory: '/home/ann', terminal: [true, true, true] };

async function launch({ server }: TestApi, verb: 'run' | 'exec', args: readonly string[], rest: object = {}) {
  const answer = await server.inject({
    method: 'POST',
    url: '/fairlead/v1/launch',
    payload: { verb, arguments: args, ...caller, ...rest },
  });
  const type = String(answer.headers['content-type']).split(';')[0];
  return { status: answer.statusCode, type, exit: answer.headers['fairlead-exit'], text: answer.body };
}

const fieldsOf = (text: string) => text.split('\0').slice(0, -1);
const lastOf = (controller: FakeController) => controller.launched.at(-1);

describe('launching a run', () => {
  test('answers with the plan as NUL-ended fields', async () => {
    const answer = await launch(testApi(), 'run', [
      '--name',
      'web',
      '--user',
      'root',
      '--',
      'echo',
      '-n',
      'a\nb',
    ]);
    expect(answer).toMatchObject({ status: 200, type: 'application/x-fairlead-plan', exit: undefined });
    expect(fieldsOf(answer.text)).toEqual([
      'netns=/run/netns/web',
      'hostname=web',
      'sysfs=1',
      'bind=/run/fairlead/hosts\n/etc/hosts',
      'uid=0',
      'gid=0',
      expect.stringMatching(/^groups=[\d,]*$/),
      'directory=/home/ann',
      'env=HOME=/root',
      'arg=echo',
      'arg=-n',
      'arg=a\nb',
    ]);
  });

  test('tells a detached one where to write', async () => {
    const api = testApi();
    const answer = await launch(api, 'run', ['-dt', '--name', 'job', '--restart', 'on-failure:3', 'true']);
    expect(fieldsOf(answer.text).slice(-7)).toEqual([
      'arg=true',
      'tty=1',
      'detach=1',
      `id=${api.controller.sandbox('job').id}`,
      'log=/run/fairlead/log',
      'state=/run/fairlead/state',
      'restart=on-failure:3',
    ]);
    expect(lastOf(api.controller)).toMatchObject({ detached: true, autoRemove: false, terminal: true });
  });

  test('hands every flag on', async () => {
    const api = testApi();
    await api.controller.createNetwork({ name: 'lab' });
    await api.controller.createNetwork({ name: 'dmz' });
    await api.controller.createSandbox({ name: 'db' });
    const flags =
      '--name web --network lab:ip=10.209.3.9,alias=a,alias=b,mac=02:00:00:00:00:07,ifname=lan0,gw-priority=-2,colour=red --network dmz -p 8080:80 -P --expose 53/udp --ip fd00::5 --alias c --hostname www --dns 1.1.1.1 --dns-search lan --dns-option ndots:2 --add-host nas:fd00::9 --link db:store --label a=b -d --rm=false --workdir sub -e A=1 -e TERM --env B=x=y -i true';
    expect(await launch(api, 'run', flags.split(' '))).toMatchObject({ status: 200 });
    expect(lastOf(api.controller)).toEqual({
      name: 'web',
      hostname: 'www',
      dns: { servers: ['1.1.1.1'], search: ['lan'], options: ['ndots:2'] },
      extraHosts: [{ name: 'nas', address: 'fd00::9' }],
      labels: { a: 'b' },
      networks: [
        {
          network: 'lab',
          addresses: ['10.209.3.9', 'fd00::5'],
          aliases: ['a', 'b', 'c'],
          mac: '02:00:00:00:00:07',
          ifname: 'lan0',
          gatewayPriority: -2,
          options: { colour: 'red' },
          links: [{ target: 'db', alias: 'store' }],
          ports: [{ port: 80, protocol: 'tcp', hostPort: { first: 8080, last: 8080 } }],
          exposed: [{ port: 53, protocol: 'udp' }],
          publishAll: true,
        },
        { network: 'dmz' },
      ],
      process: { pid: 42, command: ['true'], directory: '/home/ann/sub', environment: ['A=1', 'B=x=y'] },
      autoRemove: false,
      detached: true,
      restart: 'no',
      terminal: false,
    });
  });

  test('joins the default network and cleans up after itself when nothing else is said', async () => {
    const api = testApi();
    await launch(api, 'run', ['true']);
    expect(lastOf(api.controller)).toMatchObject({ networks: [{ network: 'bridge' }], autoRemove: true });
  });

  test('an IPv6 address and another sandbox are not mistaken for options', async () => {
    const api = testApi();
    await api.controller.createNetwork({ name: 'lab' });
    await launch(api, 'run', ['--network', 'lab:ip=fd00::5', 'true']);
    expect(lastOf(api.controller)).toMatchObject({ networks: [{ network: 'lab', addresses: ['fd00::5'] }] });
    await launch(api, 'run', ['--network', 'sandbox:web', 'true']);
    expect(lastOf(api.controller)).toMatchObject({ networks: [{ network: 'sandbox:web' }] });
  });

  test.each([
    [['--wat', 'true'], "unknown option --wat\nsee 'net run --help'"],
    [[], "CMD is missing\nsee 'net run --help'"],
    [['--restart', 'always', 'true'], '--restart needs --detach'],
    [['--rm=false', 'true'], '--rm=false needs --detach'],
    [['-d', '--rm', '--restart', 'always', 'true'], '--restart and --rm exclude each other'],
    [['--network', 'lab:', 'true'], '--network lab:: NET:key=value,… is expected'],
    [['--env', '=x', 'true'], '--env =x: KEY=VALUE is expected'],
    [['--add-host', 'nas', 'true'], '--add-host nas: NAME:ADDR is expected'],
  ])('%j is wrong usage', async (args, message) => {
    const api = testApi();
    expect(await launch(api, 'run', args)).toEqual({
      status: 400,
      type: 'text/plain',
      exit: '2',
      text: expect.stringContaining(message),
    });
    expect(api.controller.launched).toEqual([]);
  });

  test.each([
    [['--network', 'nothing', 'true'], 404, 'no network nothing'],
    [['--ip', '10.0.0.300', 'true'], 400, 'address: 10.0.0.300 is not an IP address'],
    [['-p', 'http', 'true'], 400, 'publish http: "http" is not a port'],
    [['--network', 'bridge:gw-priority=x', 'true'], 400, 'gw-priority x is not a whole number'],
    [['--restart', 'maybe', '-d', 'true'], 400, 'restart policy maybe: there are no, always'],
    [['--user', 'nobody-of-that-name', 'true'], 400, 'user nobody-of-that-name does not exist'],
  ])('%j is refused', async (args, status, message) => {
    expect(await launch(testApi(), 'run', args)).toEqual({
      status,
      type: 'text/plain',
      exit: '125',
      text: expect.stringContaining(message),
    });
  });

  test('insisting on a terminal without having one is refused', async () => {
    const rest = { terminal: [false, true, true] };
    expect(await launch(testApi(), 'run', ['-t', 'true'], rest)).toMatchObject({ status: 400, exit: '125' });
    expect(await launch(testApi(), 'run', ['-dt', 'true'], rest)).toMatchObject({ status: 200 });
  });

  test.each([
    [{ pid: 0 }, 'pid: 0 must be >= 1'],
    [{ directory: 'home' }, 'directory: "home" must match pattern'],
    [{ arguments: ['a\0b'] }, 'arguments.0: "a\\u0000b" must match pattern'],
    [{ terminal: [true] }, 'terminal: [true] must NOT have fewer than 3 items'],
    [{ verb: 'stop' }, 'verb: "stop" must be equal to one of the allowed values: run,exec'],
  ])('a caller with %j is refused in plain text', async (rest, message) => {
    expect(await launch(testApi(), 'run', ['true'], rest)).toMatchObject({
      status: 400,
      type: 'text/plain',
      exit: '125',
      text: expect.stringContaining(message),
    });
  });

  test.each(['run', 'exec'] as const)('net %s --help is the usage text', async (verb) => {
    expect(await launch(testApi(), verb, ['--help'])).toMatchObject({
      status: 200,
      type: 'text/plain',
      exit: undefined,
      text: expect.stringContaining(`Usage: net ${verb} [options]`),
    });
  });
});

describe('launching an exec', () => {
  test.each([
    [['web', 'ls', '-l']],
    [['web', '--', 'ls', '-l']],
    [['--', 'web', 'ls', '-l']],
    [['-w', '/', 'web', 'ls', '-l']],
  ])('%j runs the command in the sandbox', async (args) => {
    const api = testApi();
    await api.controller.createSandbox({ name: 'web' });
    const answer = await launch(api, 'exec', args);
    expect(fieldsOf(answer.text)).toEqual([
      'netns=/run/netns/web',
      `directory=${args[0] === '-w' ? '/' : '/home/ann'}`,
      'arg=ls',
      'arg=-l',
    ]);
  });

  test('needs a command and a sandbox that is there', async () => {
    expect(await launch(testApi(), 'exec', ['web', '--'])).toMatchObject({ exit: '2' });
    expect(await launch(testApi(), 'exec', ['web', 'ls'])).toMatchObject({ status: 404, exit: '125' });
  });
});
