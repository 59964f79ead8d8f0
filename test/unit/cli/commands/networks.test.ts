import { describe, expect, test } from 'vitest';
import { choosePools } from '../../../../src/cli/commands/create.ts';
import { testCli } from '../../../support/test-cli.ts';

const done = { status: 0, stdout: '', stderr: '' };

describe('net create', () => {
  test('prints the id of the network it made', async () => {
    const { net, controller } = await testCli();
    const outcome = await net('create', 'lab');
    expect(outcome).toEqual({ ...done, stdout: `${controller.network('lab').id}\n` });
  });

  test('hands every flag on', async () => {
    const { net, controller } = await testCli();
    const flags =
      '-d bridge --subnet 10.1.0.0/16 --subnet fd00:1::/64 --ip-range 10.1.2.0/24 --gateway fd00:1::1 --gateway 10.1.0.1 --aux-address tv=10.1.0.9 --ipv6 --internal --mtu 1400 -o icc=false --label a=b --label c --ipam-opt x=y';
    expect(await net('create', 'lab', ...flags.split(' '))).toMatchObject({ status: 0, stderr: '' });
    expect(controller.network('lab')).toMatchObject({
      driver: 'bridge',
      internal: true,
      ipv6: true,
      options: { mtu: '1400', icc: 'false' },
      labels: { a: 'b', c: '' },
      ipam: {
        options: { x: 'y' },
        pools: [
          {
            subnet: '10.1.0.0/16',
            range: '10.1.2.0/24',
            gateway: '10.1.0.1',
            reserved: { tv: '10.1.0.9' },
          },
          { subnet: 'fd00:1::/64', gateway: 'fd00:1::1' },
        ],
      },
    });
  });

  test('switches IPv4 off', async () => {
    const { net, controller } = await testCli();
    await net('create', 'lab', '--ipv6', '--no-ipv4');
    expect(controller.network('lab')).toMatchObject({ ipv4: false, ipv6: true });
  });

  test.each([
    [['create'], 2, "net: NAME is missing\nsee 'net create --help'\n"],
    [['create', 'a', 'b'], 2, "net: unexpected argument b\nsee 'net create --help'\n"],
    [['create', 'a', '-o', 'x'], 2, "net: --opt x: KEY=VALUE is expected\nsee 'net create --help'\n"],
    [['create', 'bridge'], 1, 'net: network bridge exists already\n'],
    [['create', 'a', '-d', 'x'], 1, 'net: unknown driver x; known are bridge, host, none, macvlan\n'],
    [['create', 'a', '--subnet', '1.2.3.4'], 1, 'net: subnet: 1.2.3.4 is not in CIDR notation\n'],
    [['create', 'a', '--gateway', 'x'], 1, 'net: gateway: x is not an IP address\n'],
  ])('net %j is refused', async (args, status, stderr) => {
    const { net } = await testCli();
    expect(await net(...args)).toEqual({ status, stdout: '', stderr });
  });

  test('a flag without its subnet still tells the family', () => {
    const flags = { subnets: [], ranges: [], gateways: ['fd00::1', '10.0.0.1'], reserved: {} };
    expect(choosePools(flags)).toEqual([{ gateway: 'fd00::1' }, { gateway: '10.0.0.1' }]);
  });

  test('a gateway goes to the subnet it lies in', () => {
    const subnets = ['10.1.0.0/24', '10.2.0.0/24'];
    expect(choosePools({ subnets, ranges: [], gateways: ['10.2.0.1'], reserved: {} })).toEqual([
      { subnet: '10.1.0.0/24' },
      { subnet: '10.2.0.0/24', gateway: '10.2.0.1' },
    ]);
  });
});

describe('net ls', () => {
  test('prints an aligned table', async () => {
    const { net, controller } = await testCli();
    const { id } = await controller.createNetwork({ name: 'laboratory' });
    const { stdout } = await net('ls', '--filter', 'type=custom');
    expect(stdout).toBe(
      `NETWORK ID     NAME         DRIVER   SUBNETS         SANDBOXES\n${id.slice(0, 12)}   laboratory   bridge   10.209.3.0/24   0\n`,
    );
  });

  test('prints ids or the shape of the API', async () => {
    const { net, controller } = await testCli();
    const network = controller.network('bridge');
    expect((await net('ls', '-q', '-f', 'name=bridge')).stdout).toBe(`${network.id.slice(0, 12)}\n`);
    const { stdout } = await net('ls', '--format', 'json', '-f', 'name=bridge');
    expect(JSON.parse(stdout)).toEqual([network]);
  });

  test('refuses an unknown filter and an unknown format', async () => {
    const { net } = await testCli();
    expect(await net('ls', '-f', 'colour=red')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('unknown filter colour'),
    });
    expect(await net('ls', '--format', 'xml')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('the formats are table and json'),
    });
  });
});

describe('net inspect', () => {
  test('shows what it finds and names what it does not', async () => {
    const { net, controller } = await testCli();
    await controller.createNetwork({ name: 'lab', labels: { a: 'b' } });
    await controller.createSandbox({ name: 'web' });
    await controller.connect({ network: 'lab', target: 'web' });
    const outcome = await net('inspect', 'lab', 'nothing');
    expect(outcome).toMatchObject({ status: 1, stderr: 'net: no network nothing\n' });
    expect(outcome.stdout).toMatch(/^Name: +lab$/m);
    expect(outcome.stdout).toMatch(/^Sandbox: +web eth0 10.209.3.2\/24$/m);
    const { stdout } = await net('inspect', '--format', 'json', 'lab', 'bridge');
    expect(JSON.parse(stdout)).toEqual([controller.network('lab'), controller.network('bridge')]);
  });
});

describe('net rm and net prune', () => {
  test('a network in use stays, the others go, and the status tells', async () => {
    const { net, controller } = await testCli();
    for (const name of ['a', 'b', 'c']) await controller.createNetwork({ name });
    await controller.createSandbox({ name: 'web' });
    await controller.connect({ network: 'b', target: 'web' });
    expect(await net('rm', 'a', 'b', 'c')).toEqual({
      status: 1,
      stdout: 'a\nc\n',
      stderr: 'net: network b is in use by web\n',
    });
    expect(await net('rm', '-f', 'b')).toEqual({ ...done, stdout: 'b\n' });
  });

  test('pruning asks a person, and does without one', async () => {
    const { netIn, net, controller } = await testCli();
    await controller.createNetwork({ name: 'old' });
    expect(await netIn({ confirm: async () => false }, 'prune')).toEqual(done);
    expect(controller.network('old').name).toBe('old');
    expect(await netIn({ confirm: async () => true }, 'prune')).toEqual({ ...done, stdout: 'old\n' });
    const asked = async () => {
      throw new Error('nobody is to be asked');
    };
    expect(await netIn({ confirm: asked }, 'prune', '-f')).toEqual(done);
    expect(await net('prune')).toEqual(done);
  });
});
