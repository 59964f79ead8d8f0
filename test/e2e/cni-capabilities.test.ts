// What a configuration and a runtime may ask for besides an interface: addresses, ports, limits, settings and names.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { fairleadConfiguration, installNetwork } from '../support/engines/cni-plugins.ts';
import { type CniAnswer, CniRuntime } from '../support/engines/cni-runtime.ts';
import { TestHost } from '../support/test-host.ts';

const configuration = fairleadConfiguration({ name: 'pods', bridge: 'pods0', subnet: '10.88.0.0/24' });
const newest = { cniVersion: '1.1.0' };

let host: TestHost;
let runtime: CniRuntime;
let container: string;
let containers = 0;
/** To be undone in reverse. */
let added: { more: object; variables: Readonly<Record<string, string>>; container: string }[];

beforeAll(async () => {
  host = await TestHost.start();
  await host.netd();
  await installNetwork(host, configuration);
  runtime = new CniRuntime(host, configuration);
});

afterAll(() => host[Symbol.asyncDispose]());

beforeEach(async () => {
  container = `pod${++containers}`;
  added = [];
  await runtime.makeNamespaces([container]);
});

afterEach(async () => {
  for (const { more, variables, container: one } of added.reverse()) {
    expect((await runtime.call('DEL', one, more, variables)).status).toBe(0);
  }
  expect(JSON.parse(await host.net('sandbox', 'ls', '--format', 'json'))).toEqual([]);
  expect(await host.tryNet('check')).toMatchObject({ status: 0 });
});

interface Attachment {
  readonly in?: string;
  readonly variables?: Readonly<Record<string, string>>;
}

/** Attaches, and checks at once that CHECK agrees. */
async function add(
  more: object = {},
  { in: where = container, variables = {} }: Attachment = {},
): Promise<CniAnswer['body']> {
  const asked = { ...newest, ...more };
  const { status, body } = await runtime.call('ADD', where, asked, variables);
  expect({ status, refusal: body.msg }).toEqual({ status: 0, refusal: undefined });
  added.push({ more: asked, variables, container: where });
  const checked = await runtime.call('CHECK', where, { ...asked, prevResult: body }, variables);
  expect(checked).toMatchObject({ status: 0, body: undefined });
  return body;
}

function inside(command: string, where = container): Promise<string> {
  return host.shell(`ip netns exec ${where} ${command}`);
}

/** A server in the container that answers each connection with a word. */
async function serve(word: string, listen = 'TCP-LISTEN:80', where = container) {
  const server = host.spawn([
    'ip',
    'netns',
    'exec',
    where,
    'socat',
    `${listen},fork,reuseaddr`,
    `SYSTEM:echo ${word}`,
  ]);
  await host.shell(`until ip netns exec ${where} ss -Hlnut | grep -q :; do :; done`);
  return { [Symbol.asyncDispose]: async () => void (await server.end('SIGTERM')) };
}

function ask(target: string): Promise<string> {
  return host.shell(`socat -u -T 5 ${target},retry=50,interval=0.1 -`);
}

describe('addresses', () => {
  test('of several sets of ranges come one each', async () => {
    const ranges = [
      [
        { subnet: '10.70.0.0/24', rangeStart: '10.70.0.10', rangeEnd: '10.70.0.10' },
        { subnet: '10.71.0.0/24' },
      ],
      [{ subnet: '10.72.0.0/24', gateway: '10.72.0.254' }],
      [{ subnet: 'fd72::/64' }],
    ];
    const more = {
      name: 'sets',
      bridge: 'sets0',
      ipam: { type: 'host-local', ranges, routes: [{ dst: '10.99.0.0/16', gw: '10.72.0.254' }] },
    };
    const addresses = async () =>
      (await add(more, { variables: { CNI_IFNAME: `eth${added.length}` } })).ips.map(
        (ip: { address: string }) => ip.address,
      );
    expect(await addresses()).toEqual(['10.70.0.10/24', '10.72.0.1/24', 'fd72::2/64']);
    expect(await addresses()).toEqual(['10.71.0.2/24', '10.72.0.2/24', 'fd72::3/64']);
    expect(await inside('ip route show 10.99.0.0/16')).toContain('via 10.72.0.254 dev eth0');
  });

  test('may be asked for, and come from ranges the runtime names', async () => {
    const ipRanges = [[{ subnet: '10.73.0.0/24', rangeStart: '10.73.0.50' }]];
    const { ips } = await add({ runtimeConfig: { ipRanges, ips: ['10.88.0.77'] } });
    expect(ips.map((ip: { address: string }) => ip.address).sort()).toEqual([
      '10.73.0.50/24',
      '10.88.0.77/24',
    ]);
    expect(await host.shell('ip -brief address show dev pods0')).toContain('10.73.0.1/24');
  });

  test('may be static, with routes that have attributes', async () => {
    const { ips, routes } = await add({
      name: 'fixed',
      bridge: 'fixed0',
      ipam: {
        type: 'static',
        addresses: [{ address: '10.74.0.5/24', gateway: '10.74.0.1' }],
        routes: [
          { dst: '0.0.0.0/0' },
          { dst: '10.75.0.0/16', mtu: 1300, advmss: 1200, priority: 7, table: 100 },
        ],
      },
    });
    expect(ips).toMatchObject([{ address: '10.74.0.5/24', gateway: '10.74.0.1', interface: 2 }]);
    expect(routes).toHaveLength(2);
    expect(await inside('ip route show table 100')).toMatch(
      /10\.75\.0\.0\/16 .*metric 7 mtu 1300 advmss 1200/,
    );
    expect(await inside('ip route show default')).toContain('via 10.74.0.1');
  });

  test('are none on a bridge without ipam', async () => {
    const { ips, interfaces } = await add({
      name: 'wire',
      bridge: 'wire0',
      isGateway: false,
      ipam: undefined,
    });
    expect(ips).toBeUndefined();
    expect(interfaces).toHaveLength(3);
    expect(await inside('ip -brief address show dev eth0')).not.toContain('/');
  });
});

describe('ports', () => {
  const mapping = (hostPort: number, more: object = {}) => ({
    hostPort,
    containerPort: 80,
    protocol: 'tcp',
    ...more,
  });

  test('lead to the container from everywhere, or from one address', async () => {
    const portMappings = [
      mapping(8080),
      mapping(8081, { hostIP: '127.0.0.1' }),
      mapping(8053, { protocol: 'UDP' }),
    ];
    await add({ runtimeConfig: { portMappings } });
    await using _ = await serve('here');
    expect(await ask('TCP:127.0.0.1:8080')).toBe('here');
    expect(await ask('TCP:10.88.0.1:8080')).toBe('here');
    expect(await ask('TCP:127.0.0.1:8081')).toBe('here');
    expect((await host.attempt(['socat', '-u', 'TCP:10.88.0.1:8081', '-'])).status).not.toBe(0);
    // From the container itself, by the host's address.
    expect(await inside('socat -u TCP:10.88.0.1:8080 -')).toBe('here');
  });

  test('lead to IPv6 addresses, and SCTP has rules as well', async () => {
    const portMappings = [
      mapping(8082, { hostIP: '::' }),
      mapping(8083, { protocol: 'sctp', hostIP: '0.0.0.0' }),
    ];
    const ipam = { type: 'host-local', ranges: [[{ subnet: '10.76.0.0/24' }], [{ subnet: 'fd76::/64' }]] };
    await add({ name: 'dual', bridge: 'dual0', ipam, runtimeConfig: { portMappings } });
    await using _ = await serve('six', 'TCP6-LISTEN:80');
    expect(await ask('TCP6:[fd76::1]:8082')).toBe('six');
    expect(await host.shell('nft list map inet fairlead ports-ipv4')).toMatch(
      /sctp . 8083 : 10\.76\.0\.\d+ . 80/,
    );
  });

  test.each([
    ['a port twice', [mapping(8084), mapping(8084, { containerPort: 81 })], 100],
    ['a port beyond 65535', [mapping(70_000)], 7],
    ['an unknown protocol', [mapping(8085, { protocol: 'icmp' })], 7],
    ['an address the host does not have', [mapping(8086, { hostIP: '192.0.2.1' })], 7],
  ])('are refused: %s', async (_, portMappings, code) => {
    const { status, body } = await runtime.call('ADD', container, {
      ...newest,
      runtimeConfig: { portMappings },
    });
    expect({ status, code: body.code }).toEqual({ status: 1, code });
  });
});

describe('rate limits', () => {
  const limit = (ingress: number, egress: number) => ({
    runtimeConfig: {
      bandwidth: {
        IngressRate: ingress,
        IngressBurst: 4_294_967_295,
        EgressRate: egress,
        EgressBurst: 4_294_967_295,
      },
    },
  });

  test('are each interface’s own, in both directions, with bursts of a sane size', async () => {
    const first = await add(limit(8_000_000, 16_000_000));
    const second = await add(limit(24_000_000, 32_000_000), { variables: { CNI_IFNAME: 'eth1' } });
    for (const [{ interfaces }, rates] of [
      [first, ['8Mbit', '16Mbit']],
      [second, ['24Mbit', '32Mbit']],
    ] as const) {
      const [, end, , ifb] = interfaces;
      expect(await host.shell(`tc qdisc show dev ${end.name}`)).toContain(`rate ${rates[0]}`);
      const shaped = await host.shell(`tc qdisc show dev ${ifb.name}`);
      expect(shaped).toContain(`rate ${rates[1]}`);
      // A tenth of a second's worth: what the runtime says would leave the first half hour unlimited.
      expect(Number(/burst (\d+)b/.exec(shaped)?.[1])).toBeLessThan(1_000_000);
    }
    expect(await inside('socat -u TCP:10.88.0.1:53,connect-timeout=5 - </dev/null')).toBe('');
  });

  test('are there on a macvlan, too', async () => {
    await host.shell('ip link add wire type ifb && ip link set wire up');
    const ipam = { type: 'static', addresses: [{ address: '10.77.0.5/24' }] };
    const macvlan = {
      name: 'lan',
      driver: 'macvlan',
      master: 'wire',
      mode: 'bridge',
      ipam,
      bridge: undefined,
    };
    const { interfaces } = await add({ ...macvlan, ...limit(8_000_000, 16_000_000) });
    expect(interfaces).toMatchObject([{ name: 'eth0', sandbox: `/run/netns/${container}`, mtu: 1500 }]);
    expect(await inside('ip -details link show dev eth0')).toContain('macvlan mode bridge');
    expect(await inside('tc qdisc show')).toMatch(
      /rate 8Mbit[\s\S]*rate 16Mbit|rate 16Mbit[\s\S]*rate 8Mbit/,
    );
  });
});

describe('settings', () => {
  test('of link and kernel are those asked for', async () => {
    const { interfaces } = await add({
      promisc: true,
      allmulti: true,
      txQLen: 77,
      sysctl: { 'net.ipv4.conf.IFNAME.rp_filter': '2', 'net.core.somaxconn': '512' },
      runtimeConfig: { mac: '02:00:00:00:00:42' },
    });
    expect(interfaces[2].mac).toBe('02:00:00:00:00:42');
    expect(await inside('cat /sys/class/net/eth0/address /sys/class/net/eth0/tx_queue_len')).toBe(
      '02:00:00:00:00:42\n77',
    );
    expect(await inside('ip link show dev eth0')).toMatch(/ALLMULTI.*PROMISC|PROMISC.*ALLMULTI/);
    expect(await inside('sysctl -n net.ipv4.conf.eth0.rp_filter net.core.somaxconn')).toBe('2\n512');
  });

  test('an interface may be left down', async () => {
    await add({
      name: 'idle',
      bridge: 'idle0',
      isGateway: false,
      ipam: undefined,
      disableContainerInterface: true,
    });
    expect(await inside('ip -brief link show dev eth0')).toContain('DOWN');
  });

  test('frames with another source MAC address do not get through where that is checked', async () => {
    await add({
      name: 'honest',
      bridge: 'honest0',
      macspoofchk: true,
      ipam: { type: 'host-local', subnet: '10.78.0.0/24' },
    });
    const answers = async () =>
      (await host.attempt(['ip', 'netns', 'exec', container, 'busybox', 'ping', '-c1', '-W1', '10.78.0.1']))
        .status;
    expect(await answers()).toBe(0);
    await inside('ip link set eth0 address 02:00:00:00:00:66');
    expect(await answers()).not.toBe(0);
    await inside(
      `ip link set eth0 address ${JSON.parse(await host.net('inspect', 'honest', '--format', 'json'))[0].endpoints[0].mac}`,
    );
  });

  test.each([
    ['vlan', { vlan: 7 }, 2],
    ['hairpinMode and promiscMode at once', { hairpinMode: true, promiscMode: true }, 7],
    ['an unknown driver', { driver: 'ipvlan' }, 7],
  ])('refused: %s', async (_, more, code) => {
    const { status, body } = await runtime.call('ADD', container, { ...newest, hairpinMode: false, ...more });
    expect({ status, code: body.code }).toEqual({ status: 1, code });
  });
});

describe('who may come in', () => {
  const policy = (ingressPolicy: string, number: number) => ({
    name: ingressPolicy,
    bridge: `policy${number}`,
    ingressPolicy,
    ipam: { type: 'host-local', subnet: `10.79.${number}.0/24`, routes: [{ dst: '0.0.0.0/0' }] },
  });

  test.each([
    ['open', 1, { neighbour: true, other: true }],
    ['same-bridge', 2, { neighbour: true, other: false }],
    ['isolated', 3, { neighbour: false, other: false }],
  ])('%s', async (name, number, expected) => {
    await runtime.makeNamespaces([`${container}b`, `${container}c`]);
    const { ips } = await add(policy(name, number));
    const target = ips[0].address.split('/')[0];
    await add(policy(name, number), { in: `${container}b` });
    await add({}, { in: `${container}c` });
    await using _ = await serve('in');
    const reaches = async (where: string) => {
      const command = [
        'ip',
        'netns',
        'exec',
        where,
        'socat',
        '-u',
        `TCP:${target}:80,connect-timeout=1`,
        '-',
      ];
      return (await host.attempt(command)).stdout.trim() === 'in';
    };
    expect({ neighbour: await reaches(`${container}b`), other: await reaches(`${container}c`) }).toEqual(
      expected,
    );
  });
});

describe('names', () => {
  test('of pods are answered at the gateway, to those on the network alone', async () => {
    await runtime.makeNamespaces([`${container}b`]);
    const aliases = { runtimeConfig: { aliases: { pods: ['shop'] } } };
    const { ips, dns } = await add(aliases, {
      variables: { CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAME=web;K8S_POD_NAMESPACE=prod' },
    });
    await add({ runtimeConfig: { aliases: ['till'] } }, { in: `${container}b` });
    expect(dns.nameservers).toEqual(['10.88.0.1']);
    const address = ips[0].address.split('/')[0];
    for (const name of ['web', 'web.prod', 'shop', container, 'web.pods']) {
      expect(await inside(`dig +short +timeout=2 @10.88.0.1 ${name}`, `${container}b`)).toBe(address);
    }
    expect(await inside('dig +short +timeout=2 @10.88.0.1 till')).toMatch(/^10\.88\.0\./);
    expect(await host.shell('dig +short +timeout=2 @10.88.0.1 web')).toBe(address);
    await host.net('create', 'elsewhere');
    const elsewhere = await host.net(
      'run',
      '--network',
      'elsewhere',
      '--',
      'dig',
      '+timeout=2',
      '@10.88.0.1',
      'web',
    );
    expect(elsewhere).toContain('REFUSED');
    await host.net('rm', 'elsewhere');
  });

  test('of pods and processes are one and the same', async () => {
    await add({}, { variables: { CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAME=web;K8S_POD_NAMESPACE=prod' } });
    await using _ = await serve('pod');
    const fetched = ['socat', '-u', 'TCP:web.prod:80,retry=50,interval=0.1', '-'];
    expect(await host.net('run', '--network', 'pods', '--', ...fetched)).toBe('pod');
  });
});

test('a configuration may name a network that is there', async () => {
  await host.net('create', '--subnet', '10.81.0.0/24', 'lab');
  const { ips, routes } = await add({ name: 'whatever', network: 'lab', bridge: undefined, ipam: undefined });
  expect(ips).toMatchObject([{ address: '10.81.0.2/24', gateway: '10.81.0.1' }]);
  expect(routes).toMatchObject([{ dst: '0.0.0.0/0' }]);
  for (const { more, variables, container: one } of added.splice(0))
    await runtime.call('DEL', one, more, variables);
  await host.net('rm', 'lab');
});
