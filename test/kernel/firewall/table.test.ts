// The table in the kernel: others leave it alone, restarts take it over, and what is in it is known.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Cidr, IpAddress } from '../../../src/base/cidr.ts';
import { NftablesFirewall } from '../../../src/firewall/nftables/nftables.ts';
import type { AllowanceId, EndpointId, NetworkId } from '../../../src/model/ids.ts';
import type { AllowancePolicy, PortForward } from '../../../src/model/policy.ts';
import { run, succeeds } from '../../support/own-network.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { addressOf, endpointPolicy, forward, networkPolicy, opening } from './lan.ts';
import { removeTable, takeTable } from './own-table.ts';

/** Without the owner's program, which nft looks up among all sockets of the machine and does not always find. */
const listTable = () => run('nft -s list table inet fairlead').replace(/ # progname .*/, '');
const web = endpointPolicy('web', 1, [forward(8080, addressOf(1, 2))]);
const state = { networks: [networkPolicy(1), networkPolicy(2, { internal: true })], endpoints: [web] };

/** Ports that are the same at the endpoint. */
function range(first: number, last: number, more: Partial<PortForward> = {}): readonly PortForward[] {
  return Array.from({ length: last - first + 1 }, (_, i) =>
    forward(first + i, addressOf(1, 2), { port: first + i, ...more }),
  );
}

function allowance(id: string, from: string, to: string, ports?: AllowancePolicy['ports']): AllowancePolicy {
  const ends = { from: [from as Cidr], to: [to as Cidr] };
  return { allowanceId: id as AllowanceId, ...ends, ...(ports !== undefined && { ports }) };
}

const askers = { from: ['10.9.0.0/16', '10.9.1.0/24', '192.0.2.1/32'] as Cidr[] };

let table: AsyncDisposable;
beforeAll(async () => {
  table = await takeTable();
}, 130_000);
afterAll(() => table?.[Symbol.asyncDispose]());
afterEach(removeTable);

describe('a table the kernel lets us own', () => {
  const firewall = new NftablesFirewall();
  beforeEach(() => firewall.replace(state));
  afterAll(() => firewall.close());

  test('outlasts a flush of all rules and cannot be deleted or changed by others', async () => {
    const before = listTable();
    run('nft flush ruleset');
    expect(succeeds('nft delete table inet fairlead')).toBe(false);
    expect(succeeds('nft add rule inet fairlead forward drop')).toBe(false);
    expect(listTable()).toBe(before);
    expect(await firewall.inspect()).toEqual([]);
  });

  test('has the difference after a change, whatever came first', async () => {
    const moved = endpointPolicy('web', 1, [
      forward(8081, addressOf(1, 2)),
      forward(8080, addressOf(1, 3)),
      forward(8080, addressOf(1, 3, 6)),
      forward(53, addressOf(1, 3), {
        protocol: 'udp',
        hostAddress: '127.0.0.1' as IpAddress,
        keepSource: false,
      }),
    ]);
    const changed = networkPolicy(1, { icc: false, trustedInterfaces: ['wg0'] });
    await firewall.apply([
      { network: changed },
      { removedNetwork: 'network-2' as NetworkId },
      { endpoint: moved },
      { network: networkPolicy(3) },
    ]);
    expect(await firewall.inspect()).toEqual([]);
    const stepByStep = listTable();
    await firewall.replace({ networks: [changed, networkPolicy(3)], endpoints: [moved] });
    expect(sorted(listTable())).toEqual(sorted(stepByStep));
  });

  test('is as before when a change is applied and taken back', async () => {
    const before = sorted(listTable());
    const other = endpointPolicy('other', 1, [forward(9000, addressOf(1, 9), { keepSource: false })]);
    await firewall.apply([{ endpoint: other }, { network: networkPolicy(7) }]);
    await firewall.apply([
      { removedEndpoint: 'other' as EndpointId },
      { removedNetwork: 'network-7' as NetworkId },
    ]);
    expect(sorted(listTable())).toEqual(before);
    expect(await firewall.inspect()).toEqual([]);
  });

  test.for([
    { what: 'a range becomes shorter', ports: range(8000, 8008) },
    { what: 'a port in the middle of a range goes', ports: range(8000, 8009).toSpliced(5, 1) },
    { what: 'a port comes before a range', ports: range(7999, 8009) },
    { what: 'a range leads elsewhere', ports: range(8000, 8009, { address: addressOf(1, 3) }) },
    { what: 'a range is shifted', ports: range(8000, 8009, { port: 80 }) },
    { what: 'a range is for some askers', ports: range(8000, 8009, askers) },
    { what: 'a range is for others', ports: range(8000, 8009, { from: ['10.9.0.0/17' as Cidr] }) },
    { what: 'a range is for nobody', ports: range(8000, 8009, { from: [] }) },
    {
      what: 'a range is on one address',
      ports: range(8000, 8009, { hostAddress: '127.0.0.1' as IpAddress, keepSource: false }),
    },
    { what: 'ranges of two addresses end at the same ports', ports: overlappingAtTheEnd() },
    { what: 'ports are opened instead', ports: [1, 2, 4].map((port) => opening(addressOf(1, 2), { port })) },
  ])('has the difference after $what, and after it is taken back', async ({ ports }) => {
    const before = endpointPolicy('web', 1, range(8000, 8009));
    await firewall.replace({ ...state, endpoints: [before] });
    const atFirst = sorted(listTable());
    await firewall.apply([{ endpoint: endpointPolicy('web', 1, ports) }]);
    expect(await firewall.inspect()).toEqual([]);
    await firewall.apply([{ endpoint: before }]);
    expect(await firewall.inspect()).toEqual([]);
    expect(sorted(listTable())).toEqual(atFirst);
  });

  test('has what allowances say, however they overlap and in whichever order they go', async () => {
    const tcp = { protocol: 'tcp', first: 80, last: 90 } as const;
    const all = [
      allowance('subnet', '10.81.1.0/24', '10.81.2.0/24', tcp),
      allowance('asker', '10.81.1.2/32', '10.81.2.0/24', { ...tcp, first: 85, last: 100 }),
      allowance('asked', '10.81.1.0/24', '10.81.2.9/32'),
      allowance('again', '10.81.1.0/24', '10.81.2.9/32'),
    ];
    await firewall.replace({ ...state, allowances: all });
    const whole = sorted(listTable());
    for (const { allowanceId } of all) {
      await firewall.apply([{ removedAllowance: allowanceId }]);
      expect(await firewall.inspect()).toEqual([]);
    }
    for (const one of all.toReversed()) {
      await firewall.apply([{ allowance: one }]);
      expect(await firewall.inspect()).toEqual([]);
    }
    expect(sorted(listTable())).toEqual(whole);
  });

  test('does not change when a change is refused, nor later by what was refused', async () => {
    const before = listTable();
    const twice = endpointPolicy('rival', 1, [
      forward(9001, addressOf(1, 9)),
      forward(8080, addressOf(1, 9)),
    ]);
    await expect(firewall.apply([{ endpoint: twice }])).rejects.toThrow('port 8080/tcp is published twice');
    expect(listTable()).toBe(before);
    await firewall.apply([{ removedEndpoint: 'rival' as EndpointId }]);
    expect(listTable()).toBe(before);
    expect(await firewall.inspect()).toEqual([]);
  });

  test('does not change when the kernel refuses', async () => {
    const before = listTable();
    // Longer than the kernel lets a chain be called.
    const impossible = networkPolicy(8, { ifname: 'x'.repeat(300) });
    await expect(
      firewall.apply([{ endpoint: endpointPolicy('e', 1, []) }, { network: impossible }]),
    ).rejects.toMatchObject({
      name: 'NetError',
      cause: { name: 'NetlinkError' },
    });
    expect(listTable()).toBe(before);
    expect(await firewall.inspect()).toEqual([]);
  });

  test('holds ten thousand ports put in at once, and one more put in alone', async () => {
    const ports = Array.from({ length: 10_000 }, (_, i) => forward(20_000 + i, addressOf(1, 2)));
    const all = endpointPolicy('many', 1, ports);
    await firewall.replace({ networks: state.networks, endpoints: [all] });
    expect(await firewall.inspect()).toEqual([]);
    await firewall.apply([{ endpoint: { ...all, forwards: [...ports, forward(7, addressOf(1, 2))] } }]);
    expect(await firewall.inspect()).toEqual([]);
    expect(run('nft list map inet fairlead ports-ipv4').match(/tcp \. /g)).toHaveLength(10_001);
  });

  test('leaves foreign tables and policies as they are', async () => {
    onTestFinished(() => void succeeds('nft flush ruleset'));
    run('nft add table ip theirs');
    run('nft add chain ip theirs forward { type filter hook forward priority 0 ; policy drop ; }');
    run('nft add rule ip theirs forward iifname eth7 accept');
    const before = run('nft list table ip theirs');
    await firewall.replace(state);
    await firewall.apply([{ network: networkPolicy(5) }]);
    await firewall.apply([{ removedNetwork: 'network-5' as NetworkId }]);
    expect(run('nft list table ip theirs')).toBe(before);
  });
});

describe('a daemon that is gone', () => {
  let first: ChildProcess;
  afterEach(() => first.kill('SIGKILL'));

  test('leaves its table in force, and the next one takes it over', async () => {
    first = await startOther(state);
    const second = new NftablesFirewall();
    onTestFinished(() => second.close());
    const before = listTable();
    await expect(second.replace({ networks: [], endpoints: [] })).rejects.toThrow('another process owns it');
    first.kill('SIGKILL');
    await once(first, 'exit');
    expect(content(listTable())).toBe(content(before));
    await second.replace({ ...state, endpoints: [] });
    expect(await second.inspect()).toEqual([]);
    expect(succeeds('nft delete table inet fairlead')).toBe(false);
  });
});

describe('a table others may change', () => {
  const firewall = new NftablesFirewall({ owned: false });
  const heard: string[] = [];
  const state = {
    networks: [networkPolicy(1), networkPolicy(3)],
    endpoints: [endpointPolicy('web', 1, [forward(8080, addressOf(1, 2)), ...range(8000, 8009)])],
    allowances: [allowance('a', '10.81.1.0/24', '10.81.3.9/32', { protocol: 'tcp', first: 80, last: 90 })],
  };
  firewall.onForeignChange((who) => heard.push(who));
  beforeEach(async () => {
    await firewall.replace(state);
    heard.length = 0;
  });
  afterAll(() => firewall.close());

  test.for([
    { deed: 'nft flush ruleset', found: [{ object: 'nft table inet fairlead', problem: 'is missing' }] },
    {
      deed: 'nft delete table inet fairlead',
      found: [{ object: 'nft table inet fairlead', problem: 'is missing' }],
    },
    {
      deed: 'nft delete element inet fairlead ports-ipv4 { tcp . 8080 }',
      found: [{ object: 'port 8080/tcp', problem: 'is missing' }],
    },
    {
      deed: 'nft add element inet fairlead ports-ipv4 { tcp . 99 : 192.0.2.1 . 99 }',
      found: [{ object: 'port 99/tcp', problem: 'is not ours' }],
    },
    {
      deed: 'nft add element inet fairlead loopback-ports { 127.0.0.1 . udp . 53 }',
      found: [{ object: 'element 53/udp on 127.0.0.1 of nft set loopback-ports', problem: 'is not ours' }],
    },
    {
      deed: 'nft delete element inet fairlead ranges-ipv4 { 0.0.0.0/0 . 0.0.0.0/0 . tcp . 8000-8009 }',
      found: [
        {
          object: 'port 8000-8009/tcp on 0.0.0.0-255.255.255.255 for 0.0.0.0-255.255.255.255',
          problem: 'is missing',
        },
      ],
    },
    {
      deed: 'nft add element inet fairlead restricted-ports-ipv4 { 10.9.0.1 . 192.0.2.1 . udp . 53 : 192.0.2.2 . 54 }',
      found: [{ object: 'port 53/udp on 192.0.2.1 for 10.9.0.1', problem: 'is not ours' }],
    },
    {
      deed: 'nft flush map inet fairlead allowed-ipv4',
      found: [
        {
          object: 'element 80-90/tcp on 10.81.3.9 for 10.81.1.0-10.81.1.255 of nft set allowed-ipv4',
          problem: 'is missing',
        },
      ],
    },
    {
      deed: 'nft add rule inet fairlead forward accept',
      found: [{ object: 'nft chain forward', problem: 'has other rules' }],
    },
    {
      deed: 'nft add chain inet fairlead theirs',
      found: [{ object: 'nft chain theirs', problem: 'is not ours' }],
    },
    {
      deed: 'nft chain inet fairlead forward { policy drop ; }',
      found: [{ object: 'nft chain forward', problem: 'has another hook or policy' }],
    },
  ])('is watched and compared: $deed', async ({ deed, found }) => {
    run(deed);
    await waitUntil('the change is announced', () => heard.length > 0);
    expect(heard).toEqual([expect.stringMatching(/^nft \(pid \d+\)$/)]);
    expect(await firewall.inspect()).toEqual(found);
    await firewall.replace(state);
    expect(await firewall.inspect()).toEqual([]);
  });

  test('is made whole by the next change when it was taken away', async () => {
    run('nft flush ruleset');
    await firewall.apply([{ network: networkPolicy(4) }]);
    expect(await firewall.inspect()).toEqual([]);
    expect(listTable()).toContain('tcp . 8080 : 10.81.1.2 . 80');
  });

  test('is not reported for changes of ours or to other tables', async () => {
    await firewall.apply([{ network: networkPolicy(6) }]);
    run('nft add table inet theirs');
    run('nft delete table inet theirs');
    run('nft add table inet fairlead');
    run('nft add chain inet fairlead last');
    await waitUntil('the last change is announced', () => heard.length > 0);
    expect(heard).toHaveLength(1);
  });
});

function overlappingAtTheEnd(): readonly PortForward[] {
  const on = (hostAddress: string) => ({ hostAddress: hostAddress as IpAddress, keepSource: false });
  return [...range(8000, 8009, on('127.0.0.1')), ...range(8005, 8014, on('192.0.2.1'))];
}

/** Another daemon's process, with that state applied. */
async function startOther(policies: typeof state): Promise<ChildProcess> {
  const script = new URL('./other-daemon.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, ['--import', 'tsx', script, JSON.stringify(policies)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  expect(said.toString()).toBe('ready\n');
  return child;
}

/** Elements of maps come in any order. */
function sorted(text: string): readonly string[] {
  return text
    .split(/[\n,{}]/)
    .map((line) => line.trim())
    .sort();
}

/** Everything but the first lines, which tell who owns the table. */
function content(text: string): string {
  return text.slice(text.indexOf('set '));
}
