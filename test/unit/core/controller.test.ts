// The core over a kernel made of maps: what requests do, what they refuse, and that a failure anywhere leaves nothing.

import { beforeEach, describe, expect, test, vi } from 'vitest';
import { addressOf, parseCidr, parseIp } from '../../../src/base/cidr.ts';
import { CoreController } from '../../../src/core/controller.ts';
import type { RunRequest } from '../../../src/core/requests.ts';
import type { Network } from '../../../src/model/network.ts';
import { openMemoryStore } from '../../../src/store/memory.ts';
import { type FakeParts, fakeParts } from '../../support/fake-parts.ts';

let parts: FakeParts;
let core: CoreController;

beforeEach(async () => {
  parts = fakeParts();
  core = new CoreController(parts);
  await core.start();
});

const web = { port: 80, protocol: 'tcp', hostPort: { first: 8080, last: 8080 } } as const;

function runRequest(pid: number, more: Partial<RunRequest> = {}): RunRequest {
  parts.world.processes.set(pid, { startTime: pid * 10 });
  return {
    networks: [{ network: 'bridge' }],
    process: { pid, command: ['true'], directory: '/', environment: [] },
    autoRemove: true,
    detached: false,
    restart: 'no',
    terminal: false,
    ...more,
  };
}

/** Everything that must be as before after a failed request. */
function snapshot() {
  const { networks, endpoints, sandboxes } = parts.store.state;
  const { supervisor: _, processes: __, ...world } = parts.world;
  return structuredClone({ networks, endpoints, sandboxes, world });
}

describe('networks', () => {
  test('bridge, host and none exist from the start and cannot be deleted or made again', async () => {
    expect(core.networks().map(({ name }) => name)).toEqual(['bridge', 'host', 'none']);
    for (const name of ['bridge', 'host', 'none']) {
      await expect(core.deleteNetwork(name, { force: true })).rejects.toThrow(`network ${name} is built in`);
      await expect(core.createNetwork({ name })).rejects.toThrow(`network ${name} exists already`);
    }
    await expect(core.createNetwork({ name: 'other', driver: 'host' })).rejects.toThrow(
      'only one network of driver host',
    );
  });

  test.each([
    [{ name: '' }, 'network name "" is not of the form'],
    [{ name: '-x' }, 'network name "-x" is not of the form'],
    [{ name: 'x'.repeat(64) }, 'has 64 characters; at most 63'],
    [{ name: 'x', driver: 'weave' }, 'unknown driver weave; known are bridge, host, none, macvlan'],
    [{ name: 'x', driver: 'ipvlan' }, 'driver ipvlan is not available'],
    [{ name: 'x', ipv4: false }, 'IPv4 and IPv6 are both switched off'],
    [{ name: 'x', ipamDriver: 'dhcp' }, 'unknown IPAM driver dhcp; known are default, null'],
  ])('refuses %j', async (request, message) => {
    const before = snapshot();
    await expect(core.createNetwork(request)).rejects.toThrow(message);
    expect(snapshot()).toEqual(before);
  });

  test('one in use is not deleted without force, and the holders are named', async () => {
    await core.createNetwork({ name: 'lab' });
    await core.createSandbox({ name: 'web' });
    await core.connect({ network: 'lab', target: 'web' });
    await expect(core.deleteNetwork('lab', { force: false })).rejects.toThrow('network lab is in use by web');
    await core.deleteNetwork('lab', { force: true });
    expect(core.sandbox('web').endpoints).toEqual([]);
    expect(core.networks().map(({ name }) => name)).not.toContain('lab');
  });

  test('a forced delete goes on when a sandbox on it ends meanwhile', async () => {
    await core.createNetwork({ name: 'lab' });
    for (const name of ['web', 'db']) {
      await core.createSandbox({ name });
      await core.connect({ network: 'lab', target: name });
    }
    const work = [
      core.deleteNetwork('lab', { force: true }),
      core.deleteSandbox('web', { force: false }),
      core.deleteSandbox('db', { force: false }),
    ];
    await Promise.all(work);
    expect(core.networks().map(({ name }) => name)).not.toContain('lab');
  });

  test('prune leaves a network that somebody joins meanwhile, and goes on', async () => {
    for (const name of ['one', 'two']) await core.createNetwork({ name });
    await core.createSandbox({ name: 'web' });
    let deleted: Promise<readonly Network[]> | undefined;
    const { reserve } = parts.hostPorts;
    const reserveLate: typeof reserve = async (...args) => {
      deleted = core.pruneNetworks(() => false);
      await Promise.resolve();
      return reserve(...args);
    };
    Object.assign(parts, { hostPorts: { ...parts.hostPorts, reserve: reserveLate } });
    await core.connect({ network: 'one', target: 'web', ports: [web] });
    expect((await deleted)?.map(({ name }) => name)).toEqual(['two']);
  });

  test('prune takes the unused ones and nothing else', async () => {
    for (const name of ['used', 'unused', 'kept']) await core.createNetwork({ name });
    await core.createSandbox({ name: 'web' });
    await core.connect({ network: 'used', target: 'web' });
    const deleted = await core.pruneNetworks((network) => network.name === 'kept');
    expect(deleted.map(({ name }) => name)).toEqual(['unused']);
  });

  test('a prefix of an id is enough, an ambiguous one is refused', async () => {
    const lab = await core.createNetwork({ name: 'lab' });
    expect(core.network(lab.id.slice(0, 20)).name).toBe('lab');
    expect(() => core.network('nothing')).toThrow('no network nothing');
  });
});

describe('endpoints', () => {
  beforeEach(async () => {
    await core.createNetwork({
      name: 'lab',
      pools: [{ subnet: parseCidr('10.5.0.0/29', 'x'), reserved: {} }],
    });
    await core.createSandbox({ name: 'web' });
  });

  test('a connect gives the next address, a numbered interface and names', async () => {
    const endpoint = await core.connect({ network: 'lab', target: 'web', aliases: ['www'] });
    expect(endpoint).toMatchObject({
      ifname: 'eth0',
      addresses: ['10.5.0.2/29'],
      aliases: ['www'],
      sandboxName: 'web',
    });
    expect(parts.world.names).toContain(endpoint.id);
    expect(parts.world.namespaces.get('/run/netns/web')).toEqual(new Set(['eth0']));
  });

  test.each([
    [{ addresses: [parseIp('10.6.0.2', 'x')] }, '10.6.0.2'],
    [{ addresses: [parseIp('10.5.0.1', 'x')] }, '10.5.0.1'],
    [{ addresses: [parseIp('fd00::2', 'x')] }, 'network lab has no further IPv6 subnet'],
    [{ ifname: 'a name' }, 'interface name "a name" is not valid'],
    [{ ifname: 'sixteen-letters-' }, 'is not valid: 1 to 15 characters'],
    [{ ifname: 'eth%d' }, 'is not valid'],
    [{ ifname: 'über-lang-übel' }, 'is not valid'],
    [{ ifname: 'a\0b' }, 'is not valid'],
    [{ ifname: 'all' }, 'is not valid'],
    [{ ifname: 'lo' }, 'has an interface lo already'],
    [{ aliases: ['not an alias'] }, 'alias name "not an alias"'],
    [{ options: { colour: 'red' } }, 'unknown endpoint option colour'],
    [{ links: [{ target: 'nobody', alias: 'x' }] }, 'no sandbox nobody'],
    [
      { ports: [{ ...web, protocol: 'sctp' as const, hostAddress: parseIp('::', 'x') }] },
      'host address :: is IPv6, but the sandbox has only IPv4 on network lab',
    ],
  ])('a connect with %j is refused and changes nothing', async (config, message) => {
    const before = snapshot();
    await expect(core.connect({ network: 'lab', target: 'web', ...config })).rejects.toThrow(message);
    expect(snapshot()).toEqual(before);
  });

  test('a second connect to the same network is refused', async () => {
    await core.connect({ network: 'lab', target: 'web' });
    await expect(core.connect({ network: 'lab', target: 'web' })).rejects.toThrow(
      'connected to network lab already',
    );
  });

  test('ports are refused on internal networks and on drivers that do not publish', async () => {
    await core.createNetwork({ name: 'inside', internal: true });
    await core.createNetwork({ name: 'parent', driver: 'macvlan' });
    for (const [network, message] of [
      ['inside', 'is internal'],
      ['parent', 'driver macvlan does not publish'],
    ] as const) {
      await expect(core.connect({ network, target: 'web', ports: [web] })).rejects.toThrow(message);
    }
  });

  test('an internal network cannot be told to ask the host’s nameservers', async () => {
    const outside = { name: 'inside', internal: true, options: { forward_dns: 'host' } };
    await expect(core.createNetwork(outside)).rejects.toThrow(
      'network inside is internal: forward_dns cannot be host',
    );
    await core.createNetwork({ ...outside, options: { forward_dns: '10.0.0.53' } });
  });

  test.each([
    ['store.commit', 1],
    ['store.commit', 2],
    ['firewall.apply', 1],
    ['hostPorts.reserve', 1],
    ['sandboxes.attach', 1],
    ['names.put', 1],
    ['names.open', 1],
    ['files.write', 1],
  ])('a failure of %s (call %i) during a connect leaves nothing', async (call, nth) => {
    await core.createNetwork({ name: 'first' });
    await core.connect({ network: 'first', target: 'web' });
    const before = snapshot();
    parts.failOn(call, nth);
    await expect(core.connect({ network: 'lab', target: 'web', ports: [web] })).rejects.toThrow(
      `${call} was told to fail`,
    );
    expect(snapshot()).toEqual(before);
    const endpoint = await core.connect({ network: 'lab', target: 'web', ports: [web] });
    expect(endpoint.ports).toHaveLength(2);
  });

  test('a disconnect goes on whatever fails, says so, and leaves the addresses to nobody its rules would lead to', async () => {
    const before = snapshot();
    await core.connect({ network: 'lab', target: 'web', ports: [web] });
    parts.failOn('firewall.apply');
    await expect(core.disconnect('lab', 'web', { force: false })).rejects.toThrow(
      'not everything could be removed',
    );
    const addresses = core.sandbox('web').endpoints.flatMap((endpoint) => endpoint.addresses.map(addressOf));
    await core.createSandbox({ name: 'heir' });
    await expect(core.connect({ network: 'lab', target: 'heir', addresses })).rejects.toMatchObject({
      code: 'conflict',
    });
    await core.deleteSandbox('heir', { force: false });
    expect((await core.check({ fix: true })).differences).not.toEqual([]);
    expect(core.sandbox('web').endpoints).toEqual([]);
    expect(parts.world.forwards.size).toBe(0);
    expect(snapshot().world.ports).toEqual(before.world.ports);
  });

  test('ports come and go on a connected sandbox', async () => {
    await core.connect({ network: 'lab', target: 'web' });
    await core.publish('web', [web]);
    const port = { hostPort: 8080, port: 80, address: '10.5.0.2' };
    expect(core.ports('web')).toMatchObject([
      { ...port, hostAddress: '0.0.0.0' },
      { ...port, hostAddress: '::' },
    ]);
    await expect(core.unpublish('web', [{ protocol: 'tcp', hostPort: 81 }])).rejects.toThrow(
      'host port 81/tcp',
    );
    await core.unpublish('web', [{ protocol: 'tcp', hostPort: 8080 }]);
    expect(core.ports()).toEqual([]);
    expect(parts.world.ports.size).toBe(0);
  });

  test.each([['firewall.apply'], ['store.commit']])(
    'a failure of %s while publishing leaves nothing',
    async (call) => {
      await core.connect({ network: 'lab', target: 'web' });
      const before = snapshot();
      parts.failOn(call);
      await expect(core.publish('web', [web])).rejects.toThrow('was told to fail');
      expect(snapshot()).toEqual(before);
    },
  );

  describe('on a network routed over IPv6', () => {
    const request = (port: number, hostPort: number) => ({
      protocol: 'tcp' as const,
      port,
      hostPort: { first: hostPort, last: hostPort },
    });
    const opened = { protocol: 'tcp', hostAddress: '::', hostPort: 0 };

    beforeEach(async () => {
      const pools = ['10.6.0.0/24', 'fd06::/64'].map((text) => ({
        subnet: parseCidr(text, 'x'),
        reserved: {},
      }));
      await core.createNetwork({ name: 'half', pools, options: { gateway_mode_ipv6: 'routed' } });
      await core.connect({ network: 'half', target: 'web', ports: [request(80, 8080)] });
    });

    test('a port is held on the host over IPv4 and opened over IPv6, once', async () => {
      await core.publish('web', [request(80, 8081)]);
      expect(core.ports('web')).toMatchObject([
        { port: 80, hostAddress: '0.0.0.0', hostPort: 8080 },
        { ...opened, port: 80, address: 'fd06::2' },
        { port: 80, hostAddress: '0.0.0.0', hostPort: 8081 },
      ]);
      expect(core.ports('web')).toHaveLength(3);
      expect([...parts.world.ports.keys()].some((port) => port.includes('::'))).toBe(false);
    });

    test('whatever host address of that family was asked for, nothing of the host is held', async () => {
      const before = parts.world.ports.size;
      await core.publish('web', [{ protocol: 'tcp', port: 81, hostAddress: parseIp('fd99::1', 'x') }]);
      expect(core.ports('web')).toContainEqual(expect.objectContaining({ ...opened, port: 81 }));
      expect(parts.world.ports.size).toBe(before);
    });

    test('an opened port goes with the last host port of the same', async () => {
      await core.publish('web', [request(80, 8081)]);
      await core.unpublish('web', [{ protocol: 'tcp', hostPort: 8080 }]);
      expect(core.ports('web')).toHaveLength(2);
      await core.unpublish('web', [{ protocol: 'tcp', hostPort: 8081 }]);
      expect(core.ports('web')).toEqual([]);
      expect(parts.world.ports.size).toBe(0);
    });

    test('an opened port is taken back by its own number', async () => {
      await core.unpublish('web', [{ protocol: 'tcp', hostPort: 80 }]);
      expect(core.ports('web')).toMatchObject([{ hostPort: 8080 }]);
    });
  });

  describe('an endpoint of one family', () => {
    const make = async (family: 4 | 6, options = {}) => {
      const subnet = parseCidr(family === 4 ? '10.8.0.0/24' : 'fd00:5::/64', 'x');
      const pools = [{ subnet, reserved: {} }];
      await core.createNetwork({ name: 'one', ipv4: family === 4, pools, options });
    };
    const at = (hostAddress: string) => ({ hostAddress: parseIp(hostAddress, 'x') });
    const routed = { gateway_mode_ipv4: 'routed' };

    test.each([
      { of: 4, port: web, held: ['0.0.0.0', '::'] },
      { of: 6, port: web, held: ['0.0.0.0', '::'] },
      { of: 4, port: { ...web, ...at('::1') }, held: ['::1'] },
      { of: 6, port: { ...web, ...at('127.0.0.1') }, held: ['127.0.0.1'] },
      { of: 4, port: { ...web, protocol: 'sctp' }, held: ['0.0.0.0'] },
      { of: 6, port: { ...web, protocol: 'sctp' }, held: ['::'] },
      { of: 6, port: web, options: { host_binding: '127.0.0.1' }, held: ['127.0.0.1'] },
      { of: 4, port: web, options: routed, held: [] },
      { of: 4, port: { ...web, ...at('::') }, options: routed, held: [] },
      { of: 6, port: web, options: routed, held: ['0.0.0.0', '::'] },
    ] as const)('IPv$of publishes $port.protocol on $held', async ({ of, port, held, ...more }) => {
      await make(of, 'options' in more ? more.options : {});
      const { ports } = await core.connect({ network: 'one', target: 'web', ports: [port] });
      expect(ports.filter(({ hostPort }) => hostPort === 8080).map(({ hostAddress }) => hostAddress)).toEqual(
        held,
      );
      const opened = ports.filter(({ hostPort }) => hostPort === 0).map(({ hostAddress }) => hostAddress);
      expect(opened).toEqual(held.length === 0 ? ['0.0.0.0'] : []);
      expect(core.ports()).toHaveLength(ports.length);
      expect(new Set(core.ports().map(({ address }) => address)).size).toBe(1);
    });

    test.each([
      ['sctp', {}, 'sctp is not relayed'],
      ['tcp', { portsHeldElsewhere: true }, 'a port another process holds is not relayed'],
    ] as const)('refuses %s at an address of the other when %j', async (protocol, config, reason) => {
      await make(4);
      const before = snapshot();
      const ports = [{ ...web, protocol, ...at('::') }];
      await expect(core.connect({ network: 'one', target: 'web', ports, ...config })).rejects.toMatchObject({
        code: 'not_implemented',
        message: expect.stringContaining(reason),
      });
      expect(snapshot()).toEqual(before);
    });
  });

  test('addresses and interface names are refused where there are none', async () => {
    for (const config of [{ addresses: [parseIp('10.5.0.3', 'x')] }, { ifname: 'lan' }]) {
      await expect(core.connect({ network: 'none', target: 'web', ...config })).rejects.toThrow(
        'network none gives its sandboxes no interface',
      );
    }
  });

  test('twenty connects at once get twenty addresses or a clear refusal', async () => {
    const names = Array.from({ length: 20 }, (_, i) => `s${i}`);
    for (const name of names) await core.createSandbox({ name });
    const results = await Promise.allSettled(names.map((target) => core.connect({ network: 'lab', target })));
    const leased = results.flatMap((result) => (result.status === 'fulfilled' ? result.value.addresses : []));
    expect(new Set(leased).size).toBe(5);
    expect(leased).toHaveLength(5);
    for (const result of results) {
      if (result.status === 'rejected') expect(String(result.reason)).toContain('10.5.0.0/29 is full');
    }
  });
});

describe('adopted namespaces', () => {
  test('one is adopted at the first connect, known by either name and dropped after the last disconnect', async () => {
    await core.createNetwork({ name: 'lab' });
    parts.world.namespaces.set('/proc/77/ns/net', new Set());
    const { sandboxName } = await core.connect({ network: 'lab', target: 'pid:77' });
    expect(sandboxName).toBe('pid-77');
    await core.disconnect('lab', 'pid:77', { force: false });
    expect(core.sandboxes()).toEqual([]);
    expect(parts.world.namespaces.get('/proc/77/ns/net')).toEqual(new Set());
  });

  test('a container of an engine goes by its name', async () => {
    await core.createNetwork({ name: 'lab' });
    parts.world.namespaces.set('/var/run/docker/netns/web', new Set());
    parts.world.containers.set('web', '/var/run/docker/netns/web');
    await core.connect({ network: 'lab', target: 'docker:web', aliases: ['www'] });
    expect(core.sandbox('web').engine?.containerId).toMatch(/^web0+$/);
    await core.disconnect('lab', 'docker:web', { force: false });
    expect(core.sandboxes()).toEqual([]);
  });

  test.each([
    ['pid:0', '0 is not a process id'],
    ['pid:99', 'no namespace /proc/99/ns/net'],
    ['netns:relative', 'the path must be absolute'],
    ['docker:web', 'no container web'],
    ['web', 'no sandbox web'],
  ])('target %s is refused', async (target, message) => {
    await core.createNetwork({ name: 'lab' });
    await expect(core.connect({ network: 'lab', target })).rejects.toThrow(message);
    expect(core.sandboxes()).toEqual([]);
  });

  test('two whose paths end in one word, or in the name of a sandbox, are told apart', async () => {
    await core.createNetwork({ name: 'lab' });
    await core.createSandbox({ name: 'net' });
    const names: string[] = [];
    for (const path of ['/proc/7/ns/net', '/proc/123/ns/net', '/var/run/docker/net']) {
      parts.world.namespaces.set(path, new Set());
      names.push((await core.connect({ network: 'lab', target: `netns:${path}` })).sandboxName);
    }
    expect(names).toEqual(['net-2', 'net-3', 'net-4']);
  });

  test('an interface gets a name that is free in the namespace', async () => {
    await core.createNetwork({ name: 'lab' });
    parts.world.namespaces.set('/proc/77/ns/net', new Set(['lo', 'eth0', 'eth1']));
    expect(await core.connect({ network: 'lab', target: 'pid:77' })).toMatchObject({ ifname: 'eth2' });
  });

  test('a failed first connect leaves no sandbox', async () => {
    await core.createNetwork({ name: 'lab' });
    parts.world.namespaces.set('/proc/77/ns/net', new Set());
    parts.failOn('sandboxes.attach');
    await expect(core.connect({ network: 'lab', target: 'pid:77' })).rejects.toThrow('told to fail');
    expect(core.sandboxes()).toEqual([]);
  });
});

describe('processes', () => {
  test('a run prepares everything, and everything goes when the process ends', async () => {
    await core.createNetwork({ name: 'lab' });
    const before = snapshot();
    const plan = await core.run(runRequest(5, { name: 'job', networks: [{ network: 'lab', ports: [web] }] }));
    expect(plan).toMatchObject({ netns: '/run/netns/job', hostname: 'job', command: ['true'], sysfs: true });
    expect(core.sandbox('job')).toMatchObject({ status: 'running', endpoints: [{ networkName: 'lab' }] });
    parts.endProcess(5);
    await vi.waitFor(() => expect(snapshot()).toEqual(before));
  });

  test('a detached run is followed by its supervisor and keeps its exit status', async () => {
    await core.run(runRequest(5, { name: 'job', detached: true, autoRemove: false }));
    expect(core.sandbox('job').process?.logPath).toBe('/l');
    parts.world.processes.set(6, { startTime: 60 });
    await core.registerSupervisor('job', 6);
    parts.endProcess(5);
    expect(core.sandbox('job').status).toBe('running');
    parts.world.supervisor = { exited: 3 };
    parts.endProcess(6);
    await vi.waitFor(() => expect(core.sandbox('job')).toMatchObject({ status: 'exited', exitStatus: 3 }));
    await core.deleteSandbox('job', { force: false });
    expect(core.sandboxes()).toEqual([]);
  });

  test('a signal the supervisor cannot hand on goes to its command, one that ends both to the supervisor', async () => {
    await core.run(runRequest(5, { name: 'job', detached: true, autoRemove: false }));
    for (const pid of [6, 7]) parts.world.processes.set(pid, { startTime: pid * 10 });
    await core.registerSupervisor('job', 6);
    parts.world.supervisor = { running: { pid: 7, startTime: 70 } };
    await core.kill('job', 'STOP');
    expect(parts.world.processes.get(7)?.signal).toBe('STOP');
    expect(parts.world.processes.get(6)?.signal).toBeUndefined();
    await core.kill('job', 'TERM');
    expect(parts.world.processes.get(6)?.signal).toBe('TERM');
    parts.world.supervisor = { exited: 1 };
    await core.kill('job', 'USR1');
    expect(parts.world.processes.get(6)?.signal).toBe('USR1');
  });

  test('stop ends a process that ignores TERM', async () => {
    await core.run(runRequest(5, { name: 'job', autoRemove: false }));
    await core.stop('job', 1);
    expect(core.sandbox('job')).toMatchObject({ status: 'exited', exitStatus: 137 });
    await expect(core.kill('job', 'TERM')).rejects.toThrow('sandbox job has no running process');
  });

  test.each([
    [[{ network: 'host' }, { network: 'bridge' }], 'network host cannot be combined'],
    [[{ network: 'sandbox:x' }, { network: 'bridge' }], 'network sandbox:x cannot be combined'],
    [[{ network: 'sandbox:x' }], 'no sandbox x'],
    [[{ network: 'nowhere' }], 'no network nowhere'],
  ])('a run on %j is refused and changes nothing', async (networks, message) => {
    const before = snapshot();
    await expect(core.run(runRequest(5, { networks }))).rejects.toThrow(message);
    expect(snapshot()).toEqual(before);
  });

  test('a run that shares a sandbox uses its namespace and files, and outlives neither', async () => {
    await core.createSandbox({ name: 'web' });
    const plan = await core.run(runRequest(5, { name: 'side', networks: [{ network: 'sandbox:web' }] }));
    expect(plan).toMatchObject({ netns: '/run/netns/web', hostname: 'web' });
    await expect(core.deleteSandbox('web', { force: true })).rejects.toThrow('shared by side');
    parts.endProcess(5);
    await vi.waitFor(() => expect(core.sandboxes().map(({ name }) => name)).toEqual(['web']));
  });

  test('what a shared sandbox cannot be given is refused', async () => {
    await core.createSandbox({ name: 'web' });
    for (const config of [
      { ports: [web] },
      { aliases: ['www'] },
      { links: [{ target: 'web', alias: 'x' }] },
    ]) {
      const networks = [{ network: 'sandbox:web', ...config }];
      await expect(core.run(runRequest(5, { networks }))).rejects.toThrow('are those it has');
    }
  });

  test('a sandbox without networks has the files its processes are shown', async () => {
    await core.createSandbox({ name: 'web' });
    expect(parts.world.files).toEqual(new Set([core.sandbox('web').id]));
    await core.run(runRequest(5, { name: 'side', detached: true, networks: [{ network: 'sandbox:web' }] }));
    expect(parts.world.files).toContain(core.sandbox('side').id);
  });

  test('a second sandbox of one name is refused', async () => {
    const requests = [runRequest(5, { name: 'job' }), runRequest(6, { name: 'job' })];
    const results = await Promise.allSettled(requests.map((request) => core.run(request)));
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });
});

describe('after a restart', () => {
  async function restart(store = parts.store, failing?: string): Promise<void> {
    const next = fakeParts(store);
    Object.assign(next.world, parts.world);
    if (failing !== undefined) next.failOn(failing);
    parts = next;
    core = new CoreController(next);
    await core.start();
  }

  test('what was whole is there, what was pending is gone, what is missing is made again', async () => {
    const store = openMemoryStore();
    parts = fakeParts(store);
    core = new CoreController(parts);
    await core.start();
    await core.createNetwork({ name: 'lab' });
    await core.createNetwork({ name: 'half' });
    for (const name of ['web', 'db', 'torn']) await core.createSandbox({ name });
    await core.connect({ network: 'lab', target: 'web', ports: [web] });
    await core.connect({ network: 'lab', target: 'db' });
    const half = [...store.state.networks.values()].find(({ name }) => name === 'half');
    const torn = [...store.state.sandboxes.values()].find(({ name }) => name === 'torn');
    const db = [...store.state.endpoints.values()].find(({ ports }) => ports.length === 0);
    if (half === undefined || torn === undefined || db === undefined) throw new Error('not recorded');
    await store.commit([
      { put: 'network', value: { ...half, pending: true } },
      { put: 'sandbox', value: { ...torn, pending: true } },
      { put: 'endpoint', value: { ...db, pending: true } },
    ]);
    parts.world.namespaces.get('/run/netns/web')?.clear();
    parts.world.namespaces.set('/run/netns/stray', new Set());
    await restart(store);
    expect(
      core
        .networks()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['bridge', 'host', 'lab', 'none']);
    expect(core.sandboxes().map(({ name, endpoints }) => [name, endpoints.length])).toEqual([
      ['web', 1],
      ['db', 0],
    ]);
    expect(parts.world.namespaces).toEqual(
      new Map([
        ['/run/netns/web', new Set(['eth0'])],
        ['/run/netns/db', new Set()],
      ]),
    );
    expect((await core.check({ fix: false })).differences).toEqual([]);
    const next = await core.connect({ network: 'lab', target: 'db' });
    expect(next.addresses).not.toEqual(core.sandbox('web').endpoints[0]?.addresses);
  });

  test('what one network lacks keeps nothing else from starting, and is told by a check', async () => {
    await core.createNetwork({ name: 'lab' });
    parts.world.bridges.delete('lab');
    await restart(parts.store, 'driver.ensureNetwork');
    expect(core.networks().map(({ name }) => name)).toContain('lab');
    await core.createSandbox({ name: 'web' });
    await core.connect({ network: 'bridge', target: 'web' });
  });

  test('sandboxes of another boot are forgotten and their addresses free', async () => {
    await core.createSandbox({ name: 'web' });
    const [sandbox] = parts.store.state.sandboxes.values();
    if (sandbox === undefined) throw new Error('not recorded');
    await parts.store.commit([{ put: 'sandbox', value: { ...sandbox, bootId: 'another boot' } }]);
    await restart();
    expect(core.sandboxes()).toEqual([]);
  });

  test('an adopted namespace whose first connect broke off is forgotten, one on a network is not', async () => {
    await core.createNetwork({ name: 'lab' });
    for (const pid of [77, 7777]) {
      parts.world.namespaces.set(`/proc/${pid}/ns/net`, new Set());
      await core.connect({ network: 'lab', target: `pid:${pid}` });
    }
    const torn = core.sandbox('pid-77').endpoints[0];
    if (torn === undefined) throw new Error('not recorded');
    await parts.store.commit([{ drop: 'endpoint', id: torn.id }]);
    await restart();
    expect(core.sandboxes().map(({ name }) => name)).toEqual(['pid-7777']);
  });

  test('a run whose process ended meanwhile is gone', async () => {
    await core.run(runRequest(5, { name: 'job' }));
    parts.world.processes.delete(5);
    await restart();
    expect(core.sandboxes()).toEqual([]);
  });
});

describe('check', () => {
  test('finds what others broke, and mends it when asked', async () => {
    await core.createNetwork({ name: 'lab' });
    await core.createSandbox({ name: 'web' });
    await core.connect({ network: 'lab', target: 'web' });
    parts.world.bridges.delete('lab');
    parts.world.namespaces.get('/run/netns/web')?.delete('eth0');
    const found = await core.check({ fix: false });
    expect(found.differences.map(({ object, repaired }) => [object, repaired])).toEqual([
      ['bridge lab', false],
      ['sandbox web: interface eth0', false],
    ]);
    expect((await core.check({ fix: true })).differences.every(({ repaired }) => repaired)).toBe(true);
    expect((await core.check({ fix: false })).differences).toEqual([]);
  });

  test('what cannot be looked at is told, and the rest is looked at all the same', async () => {
    for (const name of ['lab', 'other']) await core.createNetwork({ name });
    parts.world.bridges.delete('other');
    parts.failOn('driver.inspectNetwork', 2);
    const { differences } = await core.check({ fix: false });
    expect(differences).toMatchObject([
      { object: 'network lab', problem: expect.stringContaining('told to fail') },
      { object: 'bridge other', problem: 'is gone' },
    ]);
  });

  test('a link of ours that somebody changes is mended without being asked', async () => {
    const lab = await core.createNetwork({ name: 'lab' });
    parts.world.bridges.delete('lab');
    parts.changeLink({ ifname: lab.options['bridge'] ?? '' });
    await vi.waitFor(() => expect(parts.world.bridges).toContain('lab'));
  });
});
