// Operations of the Container Network Interface over a kernel made of maps: what they answer, refuse and leave.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { NetError } from '../../../src/base/errors.ts';
import { CniDoor } from '../../../src/cni/door.ts';
import { cniVersions } from '../../../src/cni/versions.ts';
import { CoreController } from '../../../src/core/controller.ts';
import { type FakeParts, fakeParts } from '../../support/fake-parts.ts';

let parts: FakeParts;
let core: CoreController;
let door: CniDoor;

beforeEach(async () => {
  parts = fakeParts();
  core = new CoreController(parts);
  await core.start();
  door = new CniDoor(core.runtimes, pino({ level: 'silent' }));
});

const hostLocal = {
  cniVersion: '1.1.0',
  name: 'pods',
  type: 'fairlead-cni',
  bridge: 'cni0',
  isGateway: true,
  ipMasq: true,
  ipam: { type: 'host-local', subnet: '10.5.0.0/24', routes: [{ dst: '0.0.0.0/0' }] },
};

interface Call {
  readonly container?: string;
  readonly ifname?: string;
  readonly netns?: string;
  readonly args?: string;
  readonly program?: string;
  readonly ipam?: string;
}

async function call(command: string, configuration: object, more: Call = {}) {
  const { container = 'pod1', ifname = 'eth0', args = '', program = 'fairlead-cni', ipam } = more;
  const netns = more.netns ?? `/run/netns/${container}`;
  const { code, document } = await door.answer({
    environment: {
      CNI_COMMAND: command,
      CNI_CONTAINERID: container,
      CNI_NETNS: netns,
      CNI_IFNAME: ifname,
      CNI_PATH: '/opt/cni/bin',
      CNI_ARGS: args,
    },
    configuration: JSON.stringify(configuration),
    program,
    ...(ipam !== undefined && { ipam }),
  });
  return { code, answer: document === '' ? undefined : JSON.parse(document) };
}

function namespace(container: string, ...links: readonly string[]): void {
  parts.world.namespaces.set(`/run/netns/${container}`, new Set(links));
}

async function add(configuration: object = hostLocal, more: Call = {}) {
  const path = `/run/netns/${more.container ?? 'pod1'}`;
  if (!parts.world.namespaces.has(path)) namespace(more.container ?? 'pod1');
  const { code, answer } = await call('ADD', configuration, more);
  expect({ code, answer }).toMatchObject({ code: 0 });
  return answer;
}

function snapshot() {
  const { networks, endpoints, sandboxes } = parts.store.state;
  const { supervisor: _, processes: __, ...world } = parts.world;
  return structuredClone({ networks, endpoints, sandboxes, world });
}

describe('ADD', () => {
  test.each(cniVersions)('answers in version %s', async (cniVersion) => {
    const result = await add({ ...hostLocal, cniVersion });
    expect(result.cniVersion).toBe(cniVersion);
    if (cniVersion < '0.3.0') {
      expect(result.ip4).toEqual({
        ip: '10.5.0.2/24',
        gateway: '10.5.0.1',
        routes: [{ dst: '0.0.0.0/0' }],
      });
    } else {
      expect(result.ips).toMatchObject([{ address: '10.5.0.2/24', gateway: '10.5.0.1', interface: 0 }]);
      expect(result.interfaces).toMatchObject([{ name: 'eth0', sandbox: '/run/netns/pod1' }]);
    }
  });

  test('tells the address on the host that answers for names, unless others were given', async () => {
    expect((await add()).dns).toEqual({ nameservers: ['10.5.0.1'] });
    const given = { ...hostLocal, dns: { nameservers: ['192.0.2.53'], search: ['example.org'] } };
    expect((await add(given, { container: 'pod2' })).dns).toEqual(given.dns);
    const runtime = { ...given, runtimeConfig: { dns: { Servers: ['192.0.2.9'], Options: ['ndots:5'] } } };
    expect((await add(runtime, { container: 'pod3' })).dns).toEqual({
      nameservers: ['192.0.2.9'],
      options: ['ndots:5'],
    });
  });

  test('takes name servers from a file of the host, and from nothing else there', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'fairlead-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const resolvConf = join(directory, 'resolv.conf');
    await writeFile(resolvConf, 'nameserver 192.0.2.53\nsearch example.org\n');
    const from = (path: string) => ({ ...hostLocal, ipam: { ...hostLocal.ipam, resolvConf: path } });
    expect((await add(from(resolvConf))).dns).toEqual({
      nameservers: ['192.0.2.53'],
      search: ['example.org'],
    });
    for (const path of ['/dev/zero', directory, join(directory, 'nothing')]) {
      expect(await call('ADD', from(path), { container: 'pod2' })).toMatchObject({ code: 7 });
    }
  });

  test('uses a network that is there already', async () => {
    await core.createNetwork({ name: 'lab' });
    const result = await add({ cniVersion: '1.0.0', name: 'conf', type: 'fairlead-cni', network: 'lab' });
    const [pool] = core.network('lab').ipam.pools;
    expect(result.ips).toMatchObject([{ gateway: pool?.gateway }]);
    expect(core.networks().map(({ name }) => name)).not.toContain('conf');
  });

  test('takes addresses of the daemon’s own pools', async () => {
    const result = await add({ ...hostLocal, ipam: { type: 'fairlead' } });
    const [pool] = core.network('pods').ipam.pools;
    expect(result.ips).toMatchObject([{ gateway: pool?.gateway }]);
  });

  test('takes the addresses another IPAM plugin gave', async () => {
    const configuration = { ...hostLocal, ipam: { type: 'ours' } };
    const ipam = JSON.stringify({
      cniVersion: '1.1.0',
      ips: [{ address: '10.7.0.9/24', gateway: '10.7.0.1' }],
      routes: [{ dst: '0.0.0.0/0' }],
    });
    const result = await add(configuration, { ipam });
    expect(result.ips).toMatchObject([{ address: '10.7.0.9/24', gateway: '10.7.0.1' }]);
    expect(core.network('pods').ipam.pools).toMatchObject([{ subnet: '10.7.0.0/24', gateway: '10.7.0.1' }]);
  });

  test('makes the pod known by its names', async () => {
    await add(hostLocal, { args: 'IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;X=1' });
    const [endpoint] = core.endpoints();
    expect(endpoint).toMatchObject({ sandboxName: 'web.shop', aliases: ['web', 'web.shop', 'pod1'] });
  });

  test('of one container twice is refused, and made anew where the namespace is gone', async () => {
    await add();
    const before = snapshot();
    expect(await call('ADD', hostLocal)).toMatchObject({
      code: 100,
      answer: { msg: 'container pod1 is on network pods with interface eth0 already' },
    });
    expect(snapshot()).toEqual(before);
    namespace('elsewhere');
    parts.world.namespaces.delete('/run/netns/pod1');
    expect((await call('ADD', hostLocal, { netns: '/run/netns/elsewhere' })).code).toBe(0);
    expect(core.endpoints()).toHaveLength(1);
  });

  test.each([
    ['a changed configuration', { ...hostLocal, mtu: 1400 }, {}, 100, 'option mtu'],
    ['a namespace that is not there', hostLocal, { container: 'nobody' }, 103, 'nobody'],
    ['a network that is not there', { ...hostLocal, ipam: undefined, network: 'lab' }, {}, 103, 'lab'],
    ['an address out of range', hostLocal, { args: 'IP=10.9.0.1' }, 7, '10.9.0.1'],
    ['a version there is not', { ...hostLocal, cniVersion: '9.0.0' }, {}, 1, '9.0.0'],
    ['an unknown argument', hostLocal, { args: 'X=1' }, 4, 'X'],
  ])('refuses %s and changes nothing', async (_, configuration, more, code, text) => {
    await add(hostLocal, { container: 'first' });
    namespace('pod1');
    const before = snapshot();
    const { code: given, answer } = await call('ADD', configuration, more);
    expect(given).toBe(code);
    expect(answer).toMatchObject({ code, msg: expect.stringContaining(text) });
    expect(snapshot()).toEqual(before);
  });

  test.each(['store.commit', 'firewall.apply', 'sandboxes.attach', 'hostPorts.reserve'])(
    'that fails at %s leaves nothing of the container',
    async (failing) => {
      await add(hostLocal, { container: 'first' });
      namespace('pod1');
      const before = snapshot();
      parts.failOn(failing);
      const ports = {
        runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] },
      };
      expect(await call('ADD', { ...hostLocal, ...ports })).toMatchObject({ code: 11 });
      expect(snapshot()).toEqual(before);
    },
  );
});

describe('ports', () => {
  const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }];
  const ports = { ...hostLocal, runtimeConfig: { portMappings } };
  const other = { ...ports, name: 'other', bridge: 'cni1', ipam: { type: 'fairlead' } };

  test('that a container has on one network already are not published on its next again', async () => {
    await add(ports);
    await add(other, { ifname: 'eth1' });
    const port = { networkName: 'pods', hostPort: 8080 };
    expect(core.ports()).toMatchObject([port, port]);
    namespace('pod2');
    expect(await call('ADD', other, { container: 'pod2' })).toMatchObject({ code: 100 });
  });

  test.each([
    ['podman, which does so itself', 'IgnoreUnknown=1;K8S_POD_NAME=web', true],
    ['Kubernetes', 'IgnoreUnknown=1;K8S_POD_NAME=web;K8S_POD_NAMESPACE=shop', undefined],
    ['anybody else', '', undefined],
  ])('are held for all but podman: %s', async (_, args, elsewhere) => {
    await add(ports, { args });
    expect(core.endpoints()[0]?.portsHeldElsewhere).toBe(elsewhere);
  });
});

describe('ADD as a later element of a chain', () => {
  const previous = {
    cniVersion: '1.1.0',
    interfaces: [
      { name: 'cni0', mac: '02:00:00:00:00:aa' },
      { name: 'veth0', mac: '02:00:00:00:00:bb' },
      { name: 'eth0', mac: '02:00:00:00:00:01', sandbox: '/run/netns/pod1' },
    ],
    ips: [{ address: '10.9.0.2/24', gateway: '10.9.0.1', interface: 2 }],
    routes: [{ dst: '0.0.0.0/0' }],
  };
  const element = { cniVersion: '1.1.0', name: 'chain', type: 'fairlead-cni', prevResult: previous };

  test('hands the previous result on, and makes the interface known by its names', async () => {
    namespace('pod1', 'eth0');
    expect(await add(element)).toEqual(previous);
    expect(core.endpoints()).toMatchObject([{ networkName: 'chain', addresses: ['10.9.0.2/24'] }]);
    expect([...(parts.world.namespaces.get('/run/netns/pod1') ?? [])]).toEqual(['eth0']);
  });

  test.each([
    ['10.9.0.2/24', ['10.9.0.0/24']],
    ['10.9.0.2/32', []],
    ['fd09::2/128', []],
  ])('knows the subnet of %s as %j', async (address, subnets) => {
    const { lookAt } = parts.sandboxes;
    const looked: typeof lookAt = async (...args) => ({
      ...(await lookAt(...args)),
      addresses: [address as never],
    });
    Object.assign(parts, { sandboxes: { ...parts.sandboxes, lookAt: looked } });
    namespace('pod1', 'eth0');
    await add(element);
    expect(core.network('chain').ipam.pools.map(({ subnet }) => subnet)).toEqual(subnets);
    expect(core.endpoints()[0]?.addresses).toEqual([address]);
  });

  test('publishes ports and changes settings of an interface somebody else made', async () => {
    namespace('pod1', 'eth0');
    const result = await add({
      ...element,
      mac: '02:00:00:00:00:77',
      mtu: 1400,
      runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] },
    });
    expect(result.interfaces[2]).toMatchObject({ mac: '02:00:00:00:00:77', mtu: 1400 });
    const port = { hostPort: 8080, address: '10.9.0.2' };
    expect(core.ports()).toMatchObject([port, port]);
    expect((await call('DEL', { ...element, prevResult: result })).code).toBe(0);
    expect([...(parts.world.namespaces.get('/run/netns/pod1') ?? [])]).toEqual(['eth0']);
    expect(core.sandboxes()).toEqual([]);
  });

  test('adds to the interface an earlier element of ours made', async () => {
    const first = await add();
    const runtimeConfig = { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] };
    const result = await add({ ...hostLocal, prevResult: first, runtimeConfig });
    expect(result).toEqual(first);
    expect(core.endpoints()).toHaveLength(1);
    const port = { hostPort: 8080, address: '10.5.0.2' };
    expect(core.ports()).toMatchObject([port, port]);
  });

  test('refuses an interface that is not there', async () => {
    namespace('pod1');
    expect(await call('ADD', element)).toMatchObject({ code: 103 });
    expect(core.sandboxes()).toEqual([]);
  });
});

describe('DEL', () => {
  const ports = { runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] } };

  test.each<[string, () => void, Call, object]>([
    ['a container', () => {}, {}, {}],
    ['one whose namespace is gone', () => parts.world.namespaces.delete('/run/netns/pod1'), {}, {}],
    ['one whose namespace is not told', () => {}, { netns: '' }, {}],
    ['one with its result', () => {}, {}, { prevResult: { cniVersion: '1.1.0', interfaces: [], ips: [] } }],
  ])('frees %s, and does so twice', async (_, happen, more, extra) => {
    await add({ ...hostLocal, ...ports });
    happen();
    for (const turn of [1, 2]) {
      const outcome = await call('DEL', { ...hostLocal, ...ports, ...extra }, more);
      expect({ turn, ...outcome }).toEqual({ turn, code: 0, answer: undefined });
      expect(core.endpoints()).toEqual([]);
    }
    expect(parts.world.ports).toEqual(new Set());
    expect((await add(hostLocal, { container: 'pod2', args: 'IP=10.5.0.2' })).ips[0].address).toBe(
      '10.5.0.2/24',
    );
  });

  test('takes one interface of several', async () => {
    await add();
    await add(hostLocal, { ifname: 'eth1' });
    await call('DEL', hostLocal);
    expect(core.endpoints().map(({ ifname }) => ifname)).toEqual(['eth1']);
  });

  test('of what never was succeeds', async () => {
    expect(await call('DEL', hostLocal, { container: 'nobody' })).toEqual({ code: 0, answer: undefined });
  });
});

describe('CHECK', () => {
  test('succeeds while all is there, and tells what is not', async () => {
    const prevResult = await add();
    expect(await call('CHECK', { ...hostLocal, prevResult })).toMatchObject({ code: 0 });
    parts.world.bridges.delete('pods');
    expect(await call('CHECK', { ...hostLocal, prevResult })).toMatchObject({
      code: 106,
      answer: { msg: expect.stringContaining('bridge pods is gone') },
    });
  });

  test.each([
    [{}, 'mac', '02:00:00:00:00:99', 'not 02:00:00:00:00:99'],
    [{}, 'mtu', 9000, 'has MTU 1500, not 9000'],
  ])('goes by what later elements of the chain made of the result', async (_, key, value, text) => {
    const prevResult = await add(hostLocal);
    const interfaces = prevResult.interfaces.map((one: object) => ({ ...one, [key]: value }));
    expect(await call('CHECK', { ...hostLocal, prevResult: { ...prevResult, interfaces } })).toMatchObject({
      code: 106,
      answer: { msg: expect.stringContaining(text) },
    });
  });

  test('needs a result to compare with, and a container it knows', async () => {
    namespace('pod1', 'eth0');
    expect(await call('CHECK', hostLocal)).toMatchObject({ code: 7 });
    const prevResult = { cniVersion: '1.1.0', interfaces: [], ips: [] };
    expect(await call('CHECK', { ...hostLocal, prevResult })).toMatchObject({ code: 3 });
    expect(await call('CHECK', { ...hostLocal, cniVersion: '0.3.1', prevResult })).toMatchObject({ code: 1 });
  });
});

describe('GC', () => {
  beforeEach(async () => {
    for (const container of ['pod1', 'pod2', 'pod3']) await add(hostLocal, { container });
  });
  const containers = () => core.endpoints().map(({ cni }) => cni?.containerId);
  const valid = (...ids: readonly string[]) => ids.map((containerID) => ({ containerID, ifname: 'eth0' }));

  test.each([
    ['cni.dev/valid-attachments', valid('pod2'), ['pod2']],
    ['cni.dev/attachments', valid('pod1', 'pod3'), ['pod1', 'pod3']],
    ['cni.dev/valid-attachments', [], []],
    ['cni.dev/valid-attachments', null, []],
  ])('frees what is not among %s %j', async (key, attachments, left) => {
    expect(await call('GC', { ...hostLocal, [key]: attachments })).toEqual({ code: 0, answer: undefined });
    expect(containers()).toEqual(left);
    expect(core.networks().some(({ name }) => name === 'pods')).toBe(left.length > 0);
  });

  test('without a word of valid attachments frees only what nothing can use', async () => {
    parts.world.namespaces.delete('/run/netns/pod2');
    await call('GC', hostLocal);
    expect(containers()).toEqual(['pod1', 'pod3']);
  });

  test('leaves other networks alone', async () => {
    const other = { ...hostLocal, name: 'other', bridge: 'cni1', ipam: { type: 'fairlead' } };
    await add(other, { container: 'pod4' });
    await call('GC', { ...hostLocal, 'cni.dev/valid-attachments': [] });
    expect(containers()).toEqual(['pod4']);
  });

  test('goes on after a failure, and tells of it', async () => {
    parts.failOn('sandboxes.detach');
    expect(await call('GC', { ...hostLocal, 'cni.dev/valid-attachments': [] })).toMatchObject({
      answer: { msg: 'network pods: 1 attachments could not be freed' },
    });
    expect(containers()).toEqual([]);
  });
});

describe('STATUS', () => {
  test('succeeds where an ADD would, and changes nothing', async () => {
    const before = snapshot();
    expect(await call('STATUS', hostLocal)).toEqual({ code: 0, answer: undefined });
    expect(snapshot()).toEqual(before);
  });

  test('tells that no address is left', async () => {
    const ipam = { ...hostLocal.ipam, rangeStart: '10.5.0.9', rangeEnd: '10.5.0.9' };
    await add({ ...hostLocal, ipam });
    expect(await call('STATUS', { ...hostLocal, ipam })).toMatchObject({
      code: 50,
      answer: { msg: 'network pods: no address is left of 10.5.0.9-10.5.0.9' },
    });
    expect(await call('STATUS', hostLocal)).toMatchObject({ code: 0 });
  });

  test('tells that pods that are there suffer as well', async () => {
    await add();
    parts.world.bridges.delete('pods');
    expect(await call('STATUS', hostLocal)).toMatchObject({
      code: 51,
      answer: { msg: expect.stringContaining('bridge pods is gone') },
    });
  });

  test.each([
    ['a network that is not there', { ...hostLocal, ipam: undefined, network: 'lab' }, 50],
    ['a subnet another network has', { ...hostLocal, name: 'other', bridge: 'cni1' }, 50],
    ['a configuration that is wrong', { ...hostLocal, ipam: { type: 'host-local', subnet: 'x' } }, 7],
    ['a version without STATUS', { ...hostLocal, cniVersion: '1.0.0' }, 1],
  ])('tells of %s', async (_, configuration, code) => {
    await add();
    expect(await call('STATUS', configuration)).toMatchObject({ code });
  });
});

describe('requests about one container at the same time', () => {
  test('a DEL takes away what an ADD under way makes', async () => {
    namespace('pod1');
    await add(hostLocal, { container: 'neighbour' });
    const before = snapshot();
    const answers = await Promise.all([call('ADD', hostLocal), call('DEL', hostLocal)]);
    expect(answers.map(({ code }) => code)).toEqual([0, 0]);
    expect(snapshot()).toEqual(before);
  });

  test('of two ADDs for different namespaces one is refused, so that a DEL finds all there is', async () => {
    namespace('old');
    namespace('new');
    const netns = ['/run/netns/old', '/run/netns/new'];
    const answers = await Promise.all(netns.map((path) => call('ADD', hostLocal, { netns: path })));
    expect(answers.map(({ code }) => code)).toEqual([0, 100]);
    await call('DEL', hostLocal);
    expect(core.endpoints()).toEqual([]);
  });
});

describe('ADD on a network that is deleted before it is joined', () => {
  function deleteBeforeJoining(times: number): void {
    const attach = core.runtimes.attach.bind(core.runtimes);
    let left = times;
    core.runtimes.attach = async (request) => {
      if (left-- > 0) await core.deleteNetwork('pods', { force: false });
      return attach(request);
    };
  }

  test('makes it anew', async () => {
    deleteBeforeJoining(1);
    await add();
    expect(core.network('pods').endpoints).toHaveLength(1);
  });

  test('is to be tried again where that happens every time', async () => {
    namespace('pod1');
    const before = snapshot();
    deleteBeforeJoining(10);
    expect(await call('ADD', hostLocal)).toMatchObject({ code: 11 });
    expect(snapshot()).toEqual(before);
  });

  test('is refused where it was made by hand', async () => {
    namespace('pod1');
    await core.createNetwork({ name: 'pods' });
    deleteBeforeJoining(1);
    const answer = await call('ADD', { cniVersion: '1.1.0', name: 'web', network: 'pods' });
    expect(answer).toMatchObject({ code: 103, answer: { msg: 'no network pods' } });
  });
});

describe('other requests', () => {
  test.each([
    ['by its name', { program: 'loopback' }, {}],
    ['by its type', {}, { type: 'loopback' }],
  ])('loopback is known %s', async (_, more, type) => {
    const configuration = { cniVersion: '0.3.1', name: 'cni-loopback', ...type };
    const { code, answer } = await call('ADD', configuration, { ...more, ifname: 'lo' });
    expect({ code, answer }).toEqual({
      code: 0,
      answer: {
        cniVersion: '0.3.1',
        interfaces: [{ name: 'lo', mac: '00:00:00:00:00:00', sandbox: '/run/netns/pod1' }],
        ips: [{ version: '4', interface: 0, address: '127.0.0.1/8' }],
        dns: {},
      },
    });
    expect(core.endpoints()).toEqual([]);
  });

  test.each([
    ['is gone', 'not_found', 0],
    ['is no namespace any more', 'invalid_parameter', 0],
    ['cannot be changed', 'internal', 999],
  ] as const)('DEL of a loopback whose namespace %s (%s) ends with %i', async (_, reason, expected) => {
    core.runtimes.loopback = async () => {
      throw new NetError(reason, 'as told');
    };
    const { code } = await call('DEL', { cniVersion: '0.3.1', name: 'cni-loopback', type: 'loopback' });
    expect(code).toBe(expected);
  });

  test('VERSION needs no configuration', async () => {
    expect((await call('VERSION', {})).answer).toMatchObject({ supportedVersions: [...cniVersions] });
  });

  test('what is no configuration is told in a version the runtime knows', async () => {
    const { code, document } = await door.answer({
      environment: {
        CNI_COMMAND: 'ADD',
        CNI_CONTAINERID: 'a',
        CNI_NETNS: '/x',
        CNI_IFNAME: 'eth0',
        CNI_PATH: '/',
      },
      configuration: '{',
    });
    expect(code).toBe(6);
    expect(JSON.parse(document)).toMatchObject({ cniVersion: '1.1.0', code: 6 });
  });
});
