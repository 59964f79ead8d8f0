// Every operation of the plugin, in every version, on a real kernel: what it makes, what CHECK sees of it, what DEL leaves.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { fairleadConfiguration, installNetwork, pluginFolder } from '../support/engines/cni-plugins.ts';
import { type CniAnswer, CniRuntime } from '../support/engines/cni-runtime.ts';
import { type HostState, type Netd, TestHost } from '../support/test-host.ts';

const configuration = fairleadConfiguration({
  name: 'pods',
  bridge: 'pods0',
  subnet: '10.88.0.0/24',
  subnet6: 'fd88::/64',
});
const web = { runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] } };
const newest = { cniVersion: '1.1.0' };

let host: TestHost;
let netd: Netd;
let runtime: CniRuntime;
let container: string;
let containers = 0;

beforeAll(async () => {
  host = await TestHost.start();
  netd = await host.netd();
  await installNetwork(host, configuration);
  runtime = new CniRuntime(host, configuration);
});

afterAll(() => host[Symbol.asyncDispose]());

beforeEach(async () => {
  container = `pod${++containers}`;
  await runtime.makeNamespaces([container]);
});

async function succeed(
  command: string,
  more: object = {},
  variables: Readonly<Record<string, string>> = {},
): Promise<CniAnswer['body']> {
  const { status, body, stderr } = await runtime.call(command, container, more, variables);
  expect({ command, status, body, stderr }).toMatchObject({ status: 0 });
  return body;
}

/** The number and the message of an operation that must fail. */
async function refusal(command: string, more: object = {}, variables: Readonly<Record<string, string>> = {}) {
  const { status, body } = await runtime.call(command, container, more, variables);
  expect(status).not.toBe(0);
  return { code: body.code, msg: body.msg };
}

function inside(command: string): Promise<string> {
  return host.shell(`ip netns exec ${container} ${command}`);
}

/** Without the containers' namespaces, and without link-local routes, which the kernel completes in its own time. */
async function stateWithoutContainers(): Promise<HostState> {
  const state = await host.state();
  return {
    ...state,
    routes: state.routes.filter((line) => !line.includes('fe80')),
    namespaces: state.namespaces.filter((name) => !name.startsWith('pod')),
    mounts: state.mounts.filter((path) => !path.includes('/netns/pod')),
  };
}

describe.each(['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'])('version %s', (cniVersion) => {
  const has = (since: string) => cniVersion >= since;
  const version = { cniVersion };

  test('ADD makes what its result says, and DEL takes all of it away', async () => {
    const before = await stateWithoutContainers();
    const result = await succeed('ADD', { ...version, ...web });
    expect(result.cniVersion).toBe(cniVersion);
    const given = has('0.3.0')
      ? result.ips.map(({ address }: { address: string }) => address)
      : [result.ip4.ip, result.ip6.ip];
    const shown = await inside('ip -o address show dev eth0 scope global');
    for (const address of given) expect(shown).toContain(` ${address} `);
    expect(await inside('ip route show default')).toContain('default via 10.88.0.1 dev eth0');
    expect(await inside('ip -6 route show default')).toContain('default via fd88::1 dev eth0');
    expect(result.dns.nameservers).toEqual(['10.88.0.1']);
    if (has('0.3.0')) {
      expect(result.interfaces.map(({ name }: { name: string }) => name)).toEqual([
        'pods0',
        expect.stringMatching(/^fv/),
        'eth0',
      ]);
      expect(result.ips.map((ip: { interface: number }) => ip.interface)).toEqual([2, 2]);
      const macs = await host.shell(`for name in ${result.interfaces[0].name} ${result.interfaces[1].name}
        do cat /sys/class/net/$name/address; done; ip netns exec ${container} cat /sys/class/net/eth0/address`);
      expect(result.interfaces.map(({ mac }: { mac: string }) => mac)).toEqual(macs.split('\n'));
    }
    expect(await host.shell('nft list ruleset')).toContain('8080');
    if (has('0.4.0')) await succeed('CHECK', { ...version, ...web, prevResult: result });
    for (const turn of ['first', 'second']) {
      const body = await succeed('DEL', { ...version, ...web, ...(has('0.4.0') && { prevResult: result }) });
      expect({ turn, body }).toEqual({ turn, body: undefined });
    }
    const after = await stateWithoutContainers();
    // The network stays for the next container.
    expect(after.links.filter((line) => !line.startsWith('pods0'))).toEqual(
      before.links.filter((line) => !line.startsWith('pods0')),
    );
    expect(await host.shell('nft list ruleset')).not.toContain('8080');
    expect(await host.tryNet('check')).toMatchObject({ status: 0 });
  });

  test('has the operations of its time and no others', async () => {
    const expected = (since: string) => (has(since) ? 0 : 1);
    const add = await succeed('ADD', version);
    const answers = {
      CHECK: await runtime.call('CHECK', container, { ...version, prevResult: add }),
      STATUS: await runtime.call('STATUS', container, version),
      GC: await runtime.call('GC', container, {
        ...version,
        'cni.dev/valid-attachments': [{ containerID: container, ifname: 'eth0' }],
      }),
    };
    const codes = Object.fromEntries(
      Object.entries(answers).map(([command, { body }]) => [command, body?.code ?? 0]),
    );
    expect(codes).toEqual({ CHECK: expected('0.4.0'), STATUS: expected('1.1.0'), GC: expected('1.1.0') });
    await succeed('DEL', version);
  });
});

/** Tries anew when the daemon has mended the damage, or a part of it, before CHECK has come to look. */
async function refusalAfter(damage: string, more: object, text: string): Promise<string> {
  let last = 'nothing was wrong';
  for (let turn = 0; turn < 20; turn++) {
    await netd.process.pausedWhile(() => host.shell(damage));
    const checked = runtime.call('CHECK', container, more);
    const { status, body } = await checked;
    if (status !== 0) {
      expect(body.code).toBe(106);
      last = body.msg;
      if (last.includes(text)) break;
    }
    await host.net('check', '--fix');
  }
  return last;
}

describe('CHECK sees', () => {
  const limited = {
    ...newest,
    ...{
      runtimeConfig: { ...web.runtimeConfig, bandwidth: { ingressRate: 8_000_000, ingressBurst: 800_000 } },
    },
  };

  test.each([
    ['the gateway’s address gone', 'ip address del 10.88.0.1/24 dev pods0', 'lacks address 10.88.0.1/24'],
    ['the bridge down', 'ip link set pods0 down', 'is down'],
    ['the host end down', 'ip link set END down', 'is down'],
    ['the host end off its bridge', 'ip link set END nomaster', 'is no port of bridge'],
    ['an address of the container gone', 'ip -n POD address del ADDRESS dev eth0', 'lacks address'],
    ['the default route gone', 'ip -n POD route del default', 'route to 0.0.0.0/0'],
    ['its interface down', 'ip -n POD link set eth0 down', 'is down'],
    ['another MAC address than its result says', 'ip -n POD link set eth0 address 02:00:00:00:00:99', 'MAC'],
    ['the rate limit gone', 'tc qdisc del dev END root', 'rate limit'],
  ])('%s', async (_, damage, text) => {
    const result = await succeed('ADD', limited);
    const more = { ...limited, prevResult: result };
    await succeed('CHECK', more);
    const end = result.interfaces[1].name;
    const command = damage
      .replace('POD', container)
      .replace('END', end)
      .replace('ADDRESS', result.ips[0].address);
    expect(await refusalAfter(command, more, text)).toContain(text);
    await succeed('DEL', more);
  });
});

describe('an ADD that is refused leaves nothing', () => {
  test.each<[string, object, Readonly<Record<string, string>>, number, string]>([
    [
      'for a port that is taken',
      { ...web, runtimeConfig: { portMappings: [{ hostPort: 8053, containerPort: 53, protocol: 'udp' }] } },
      {},
      100,
      '8053',
    ],
    ['for an interface name that is taken', {}, { CNI_IFNAME: 'lo' }, 100, 'lo'],
    ['for the host’s own namespace', {}, { CNI_NETNS: '/proc/1/ns/net' }, 7, 'host'],
    ['for a namespace that is not there', {}, { CNI_NETNS: '/run/netns/nobody' }, 103, '/run/netns/nobody'],
    [
      'for a sysctl the kernel does not know',
      { sysctl: { 'net.ipv4.conf.IFNAME.nothing': '1' } },
      {},
      7,
      'nothing',
    ],
    ['for an address out of its ranges', {}, { CNI_ARGS: 'IP=10.99.0.1' }, 7, '10.99.0.1'],
  ])('%s', async (_, more, variables, code, text) => {
    const holder = host.spawn(['socat', 'UDP-LISTEN:8053,fork', 'EXEC:true']);
    await host.shell('until ss -Hlun sport = 8053 | grep -q .; do :; done');
    await succeed('ADD', newest, { CNI_IFNAME: 'first' });
    const before = await stateWithoutContainers();
    const refused = await refusal('ADD', { ...newest, ...more }, variables);
    expect(refused).toEqual({ code, msg: expect.stringContaining(text) });
    expect(await stateWithoutContainers()).toEqual(before);
    expect(await host.tryNet('check')).toMatchObject({ status: 0 });
    await succeed('DEL', newest, { CNI_IFNAME: 'first' });
    await holder.end('SIGTERM');
  });
});

test('of two interfaces on one network each goes by itself', async () => {
  await succeed('ADD', { ...newest, ...web });
  await succeed('ADD', newest, { CNI_IFNAME: 'eth1' });
  await succeed('DEL', newest);
  expect(await inside('ip -brief link show dev eth1')).toContain('UP');
  expect(await host.shell('nft list ruleset')).not.toContain('8080');
  await succeed('DEL', newest, { CNI_IFNAME: 'eth1' });
});

test('DEL frees everything after the namespace is gone', async () => {
  const result = await succeed('ADD', { ...newest, ...web });
  await host.shell(`ip netns del ${container}`);
  await succeed('DEL', { ...newest, ...web, prevResult: result }, { CNI_NETNS: '' });
  expect(await host.shell('nft list ruleset')).not.toContain('8080');
  expect(JSON.parse(await host.net('sandbox', 'ls', '--format', 'json'))).toEqual([]);
});

test('GC frees what the runtime knows no more, and an empty list means everything', async () => {
  await runtime.makeNamespaces(['podother']);
  await succeed('ADD', newest);
  await runtime.call('ADD', 'podother', newest);
  await succeed('GC', {
    ...newest,
    'cni.dev/valid-attachments': [{ containerID: 'podother', ifname: 'eth0' }],
  });
  const left = JSON.parse(await host.net('sandbox', 'ls', '--format', 'json'));
  expect(left.map(({ name }: { name: string }) => name)).toEqual(['podother']);
  await succeed('GC', { ...newest, 'cni.dev/valid-attachments': [] });
  expect(await host.shell('ip -brief link')).not.toContain('pods0');
});

test('STATUS tells that every address is taken', async () => {
  const ipam = { type: 'host-local', subnet: '10.77.0.0/24', rangeStart: '10.77.0.9', rangeEnd: '10.77.0.9' };
  const small = { ...newest, name: 'small', bridge: 'small0', ipam };
  await succeed('STATUS', small);
  await succeed('ADD', small);
  expect(await refusal('STATUS', small)).toEqual({ code: 50, msg: expect.stringContaining('10.77.0.9') });
  expect(await refusal('ADD', small, { CNI_IFNAME: 'eth1' })).toMatchObject({ code: 101 });
  await succeed('DEL', small);
});

describe('as a later element of a chain', () => {
  const first = {
    cniVersion: '1.0.0',
    name: 'chain',
    type: 'bridge',
    bridge: 'theirs0',
    isGateway: true,
    ipMasq: true,
    ipam: {
      type: 'host-local',
      subnet: '10.66.0.0/24',
      routes: [{ dst: '0.0.0.0/0' }],
      dataDir: '/run/ipam',
    },
  };
  const element = { cniVersion: '1.0.0', name: 'chain', bridge: undefined, ipam: undefined };

  /** Runs a plugin of the reference, as a runtime would before ours. */
  async function reference(
    command: string,
    configuration: { readonly type: string } = first,
  ): Promise<CniAnswer['body']> {
    const env = {
      CNI_COMMAND: command,
      CNI_CONTAINERID: container,
      CNI_NETNS: `/run/netns/${container}`,
      CNI_IFNAME: 'eth0',
      CNI_PATH: '/usr/lib/cni',
    };
    const input = JSON.stringify(configuration);
    const printed = await host.run([`/usr/lib/cni/${configuration.type}`], { env, input });
    return printed === '' ? undefined : JSON.parse(printed);
  }

  test('gives somebody else’s interface ports, limits, settings and names, and takes them back', async () => {
    const prevResult = await reference('ADD');
    const settled = await inside('ip -details link show dev eth0');
    const more = {
      ...element,
      mtu: 1400,
      runtimeConfig: {
        mac: '02:00:00:00:00:42',
        portMappings: [{ hostPort: 8066, containerPort: 80, protocol: 'tcp' }],
        bandwidth: {
          ingressRate: 8_000_000,
          ingressBurst: 800_000,
          egressRate: 8_000_000,
          egressBurst: 800_000,
        },
      },
      sysctl: { 'net.ipv4.conf.IFNAME.rp_filter': '2' },
    };
    const result = await succeed(
      'ADD',
      { ...more, prevResult },
      { CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAME=chained' },
    );
    expect(result.ips).toEqual(prevResult.ips);
    expect(result.interfaces.slice(0, 2)).toEqual(prevResult.interfaces.slice(0, 2));
    expect(result.interfaces[2]).toMatchObject({ name: 'eth0', mac: '02:00:00:00:00:42' });
    expect(await inside('ip link show dev eth0')).toContain('mtu 1400');
    expect(await inside('sysctl -n net.ipv4.conf.eth0.rp_filter')).toBe('2');
    expect(await host.shell('tc qdisc show')).toContain('tbf');
    const server = host.spawn([
      'ip',
      'netns',
      'exec',
      container,
      'socat',
      'TCP-LISTEN:80,fork,reuseaddr',
      'SYSTEM:echo here',
    ]);
    for (const address of ['127.0.0.1', '10.66.0.1']) {
      expect(await host.shell(`socat -u TCP:${address}:8066,retry=50,interval=0.1 -`)).toBe('here');
    }
    await succeed('CHECK', { ...more, prevResult: result });
    await succeed('DEL', { ...more, prevResult: result });
    expect(await inside('ip -details link show dev eth0')).toBe(settled);
    expect(await host.shell('tc qdisc show')).not.toContain('tbf');
    expect(await host.shell('nft list ruleset')).not.toContain('8066');
    await server.end('SIGTERM');
    await reference('DEL');
  });

  test('publishes ports of an interface without a bridge', async () => {
    await using outside = await TestHost.start('outside');
    await host.plug('lan0', outside);
    await host.shell('ip address add 192.0.2.1/24 dev lan0; ip link set lan0 up');
    await outside.shell('ip address add 192.0.2.2/24 dev eth0; ip link set eth0 up');
    const alone = { ...first, type: 'ptp', name: 'alone', ipam: { ...first.ipam, subnet: '10.67.0.0/24' } };
    const prevResult = await reference('ADD', alone);
    const portMappings = [{ hostPort: 8067, containerPort: 80, protocol: 'tcp' }];
    const more = { ...element, name: 'alone', runtimeConfig: { portMappings } };
    const result = await succeed('ADD', { ...more, prevResult });
    expect(result).toEqual(prevResult);
    const listen = ['socat', 'TCP-LISTEN:80,fork,reuseaddr', 'SYSTEM:echo $SOCAT_PEERADDR'];
    const server = host.spawn(['ip', 'netns', 'exec', container, ...listen]);
    expect(await outside.shell('socat -u TCP:192.0.2.1:8067,retry=50,interval=0.1 -')).toBe('192.0.2.2');
    await succeed('DEL', { ...more, prevResult: result });
    await server.end('SIGTERM');
    await reference('DEL', alone);
    await host.shell('ip link del lan0');
  });

  test('hands on what it has nothing to add to', async () => {
    const prevResult = await reference('ADD');
    expect(await succeed('ADD', { ...element, prevResult })).toEqual(prevResult);
    await succeed('DEL', { ...element, prevResult });
    await reference('DEL');
  });
});

test('another IPAM plugin is run for the addresses', async () => {
  const delegated = {
    ...newest,
    cniVersion: '1.0.0',
    name: 'theirs',
    bridge: 'deleg0',
    ipam: { type: 'static', addresses: [{ address: '10.55.0.9/24', gateway: '10.55.0.1' }] },
  };
  await host.shell(`cp /usr/lib/cni/static ${pluginFolder}/elsewhere`);
  const other = { ...delegated, ipam: { ...delegated.ipam, type: 'elsewhere' } };
  const result = await succeed('ADD', other);
  expect(result.ips).toMatchObject([{ address: '10.55.0.9/24', gateway: '10.55.0.1', interface: 2 }]);
  expect(await host.shell('ip -brief address show dev deleg0')).toContain('10.55.0.1/24');
  await succeed('DEL', other);
});

test('loopback comes up under its own name', async () => {
  const env = {
    CNI_COMMAND: 'ADD',
    CNI_CONTAINERID: container,
    CNI_NETNS: `/run/netns/${container}`,
    CNI_IFNAME: 'lo',
    CNI_PATH: pluginFolder,
  };
  const input = JSON.stringify({ cniVersion: '0.3.1', name: 'cni-loopback', type: 'loopback' });
  const result = JSON.parse(await host.run([`${pluginFolder}/loopback`], { env, input }));
  expect(result.interfaces).toEqual([
    { name: 'lo', mac: '00:00:00:00:00:00', sandbox: `/run/netns/${container}` },
  ]);
  expect(result.ips[0]).toMatchObject({ address: '127.0.0.1/8' });
  expect(await inside('ip -brief link show dev lo')).toContain('UP');
});

test('a DEL that came while the daemon was away is carried out when it is back', async () => {
  await succeed('ADD', { ...newest, ...web });
  await netd.kill9();
  await succeed('DEL', { ...newest, ...web });
  netd = await host.netd();
  expect(JSON.parse(await host.net('sandbox', 'ls', '--format', 'json'))).toEqual([]);
  expect(await host.shell('nft list ruleset')).not.toContain('8080');
  expect(await host.shell('ls -A /run/fairlead/cni-deletions')).toBe('');
});
