// Rate limits of interfaces, judged by tc(8): by what is there, and by which of it counts the packets of which direction.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Attachment } from '../../../src/model/attachment.ts';
import type { PinnedNamespace } from '../../../src/sandbox/sandbox.ts';
import { reaches, run, showLink, showLinks } from '../../support/own-network.ts';
import { attachment, bridge, json, refused, routes, useLab } from './lab.ts';

const { sandboxes } = useLab();
let one: PinnedNamespace;

beforeEach(async () => {
  one = await sandboxes.create('one');
});

const toSandbox = { bitsPerSecond: 80_000_000, burstBits: 800_000 };
const fromSandbox = { bitsPerSecond: 40_000_000, burstBits: 0xffff_ffff };
const shaping = { toSandbox, fromSandbox, ifbName: 'lab-ifb' };

describe('on a bridge', () => {
  const shaped = attachment(1, { shaping });

  afterEach(() => sandboxes.remove(one, [shaped]));

  test('both limits are on the host, and the ifb is told with bridge and host end', async () => {
    const made = await sandboxes.attach(one, shaped, routes);
    expect(made.map(({ name }) => name)).toEqual([bridge, 'lab-1', 'lab-ifb']);
    expect(made.map(({ mac }) => mac)).toEqual(made.map(({ name }) => showLink(name)?.address));
    expect(made.map(({ mtuBytes }) => mtuBytes)).toEqual(made.map(({ name }) => showLink(name)?.mtu));
    expect(rootOf('lab-1')).toMatchObject({ kind: 'tbf', options: { rate: 10_000_000, burst: 100_000 } });
    expect(rootOf('lab-ifb')).toMatchObject({ kind: 'tbf', options: { rate: 5_000_000, burst: 500_000 } });
    expect(run('tc filter show dev lab-1 ingress')).toContain('Egress Redirect to device lab-ifb');
    expect(run('tc qdisc show', one.path)).not.toContain('tbf');
    expect(showLinks(one.path).map(({ ifname }) => ifname)).toEqual(['lo', 'eth0']);
    expect(showLink('lab-ifb')?.addr_info).toEqual([]);
    expect(await sandboxes.inspect(one, [shaped], routes)).toEqual([]);
  });

  test('traffic passes both ways, and each limit counts what goes its way', async () => {
    await sandboxes.attach(one, shaped, routes);
    expect(reaches('10.71.0.1', one.path)).toBe(true);
    const before = { to: bytesOf('lab-1'), from: bytesOf('lab-ifb') };
    await send(one.path);
    expect(bytesOf('lab-ifb') - before.from).toBeGreaterThan(payloadBytes);
    expect(bytesOf('lab-1') - before.to).toBeLessThan(payloadBytes);
    const between = { to: bytesOf('lab-1'), from: bytesOf('lab-ifb') };
    await receive(one.path);
    expect(bytesOf('lab-1') - between.to).toBeGreaterThan(payloadBytes);
    expect(bytesOf('lab-ifb') - between.from).toBeLessThan(payloadBytes);
  });

  test('a limit holds traffic back', async () => {
    const slow = { bitsPerSecond: 8_000_000, burstBits: 8 * 10_000 };
    await sandboxes.attach(
      one,
      attachment(1, { shaping: { ...shaping, fromSandbox: slow, toSandbox: slow } }),
      routes,
    );
    await send(one.path);
    await receive(one.path);
    expect(rootOf('lab-ifb')?.['overlimits']).toBeGreaterThan(0);
    expect(rootOf('lab-1')?.['overlimits']).toBeGreaterThan(0);
  });

  test.each([
    ['towards the sandbox', { toSandbox, ifbName: 'lab-ifb' }, 'tbf', undefined, [bridge, 'lab-1']],
    ['from the sandbox', { fromSandbox, ifbName: 'lab-ifb' }, 'noqueue', 'tbf', [bridge, 'lab-1', 'lab-ifb']],
  ])('one limit alone, %s', async (_, alone, sent, received, names) => {
    const made = await sandboxes.attach(one, attachment(1, { shaping: alone }), routes);
    expect(made.map(({ name }) => name)).toEqual(names);
    expect(rootOf('lab-1')?.['kind']).toBe(sent);
    expect(rootOf('lab-ifb')?.['kind']).toBe(received);
    expect(reaches('10.71.0.1', one.path)).toBe(true);
    expect(await sandboxes.inspect(one, [attachment(1, { shaping: alone })], routes)).toEqual([]);
  });

  test('a detached interface takes its ifb along, also when one of them is gone already', async () => {
    for (const gone of [undefined, 'lab-1', 'lab-ifb']) {
      await sandboxes.attach(one, shaped, routes);
      if (gone !== undefined) run(`ip link delete ${gone}`);
      await sandboxes.detach(one, shaped, {});
      expect(showLink('lab-1')).toBeUndefined();
      expect(showLink('lab-ifb')).toBeUndefined();
    }
  });

  test.each([
    [
      'without the limit on its host end',
      'tc qdisc delete dev lab-1 root',
      'rate limit towards the sandbox is missing on lab-1',
    ],
    [
      'with another limit on its host end',
      'tc qdisc change dev lab-1 root tbf rate 1gbit burst 1mb limit 9mb',
      'rate limit towards the sandbox is another than it should be on lab-1',
    ],
    ['without its ifb', 'ip link delete lab-ifb', 'rate limit from the sandbox is missing on lab-1'],
    ['with its ifb down', 'ip link set lab-ifb down', 'rate limit from the sandbox is missing on lab-1'],
    [
      'with an ifb that limits nothing',
      'tc qdisc delete dev lab-ifb root',
      'rate limit from the sandbox is missing on lab-1',
    ],
    [
      'with an ifb that limits otherwise',
      'tc qdisc change dev lab-ifb root tbf rate 1gbit burst 1mb limit 9mb',
      'rate limit from the sandbox is another than it should be on lab-1',
    ],
    [
      'without its filter',
      'tc filter delete dev lab-1 ingress',
      'rate limit from the sandbox is missing on lab-1',
    ],
    [
      'without its ingress qdisc',
      'tc qdisc delete dev lab-1 ingress',
      'rate limit from the sandbox is missing on lab-1',
    ],
    ['without its interface', 'ip link delete lab-1', 'is missing'],
  ])('an interface %s is noticed and mended', async (_, damage, problem) => {
    await sandboxes.attach(one, shaped, routes);
    run(damage);
    const found = await sandboxes.inspect(one, [shaped], routes);
    expect(found).toContainEqual({ object: 'interface eth0', problem });
    await sandboxes.repair(one, shaped, routes);
    expect(await sandboxes.inspect(one, [shaped], routes)).toEqual([]);
    expect(rootOf('lab-1')).toMatchObject({ kind: 'tbf', options: { rate: 10_000_000 } });
    expect(run('tc filter show dev lab-1 ingress')).toContain('Egress Redirect to device lab-ifb');
    expect(reaches('10.71.0.1', one.path)).toBe(true);
  });

  test('an ifb is a stray when no attachment has it', async () => {
    await sandboxes.attach(one, shaped, routes);
    expect(await sandboxes.strays({ namespaces: [one], attachments: [shaped] })).toEqual([]);
    const lost = await sandboxes.strays({ namespaces: [one], attachments: [attachment(1)] });
    expect(lost).toEqual([{ kind: 'link', name: 'lab-ifb' }]);
    for (const each of lost) await sandboxes.removeStray(each);
    expect(showLink('lab-ifb')).toBeUndefined();
  });

  test('a taken name for the ifb is a conflict that names it, and nothing is left', async () => {
    run('ip link add lab-ifb type bridge');
    await refused(sandboxes.attach(one, shaped, routes), 'conflict', /interface lab-ifb exists already/);
    expect(showLink('lab-1')).toBeUndefined();
    expect(showLink('lab-ifb')?.linkinfo?.info_kind).toBe('bridge');
    expect(showLinks(one.path).map(({ ifname }) => ifname)).toEqual(['lo']);
    run('ip link delete lab-ifb');
  });

  test('an attach that fails after the ifb was made leaves nothing', async () => {
    const tuned = attachment(1, { shaping, tuning: { sysctls: { 'net/no/such': '1' } } });
    await refused(sandboxes.attach(one, tuned, routes), 'invalid_parameter', /net\/no\/such/);
    expect(showLink('lab-1')).toBeUndefined();
    expect(showLink('lab-ifb')).toBeUndefined();
  });
});

describe('on a macvlan', () => {
  const shaped: Attachment = attachment(1, {
    link: { kind: 'macvlan', parent: 'lab-parent', mode: 'bridge' },
    shaping,
    gateways: {},
  });

  beforeEach(() => {
    run('ip link add lab-parent type veth peer name lab-wire');
    for (const name of ['lab-parent', 'lab-wire']) run(`ip link set ${name} up`);
    run('ip address add 10.71.0.1/25 dev lab-wire');
    return () => run('ip link delete lab-parent');
  });

  afterEach(() => sandboxes.remove(one, [shaped]));

  test('both limits are in the sandbox, each counts what goes its way, and no host interface is told', async () => {
    expect(await sandboxes.attach(one, shaped, {})).toEqual([]);
    expect(rootOf('eth0', one.path)).toMatchObject({ kind: 'tbf', options: { rate: 5_000_000 } });
    expect(rootOf('lab-ifb', one.path)).toMatchObject({ kind: 'tbf', options: { rate: 10_000_000 } });
    expect(await sandboxes.inspect(one, [shaped], {})).toEqual([]);
    run(`ip route replace 10.71.0.2 dev lab-wire`);
    expect(reaches('10.71.0.1', one.path)).toBe(true);
    await send(one.path);
    expect(bytesOf('eth0', one.path)).toBeGreaterThan(payloadBytes);
    expect(bytesOf('lab-ifb', one.path)).toBeLessThan(payloadBytes);
    await receive(one.path);
    expect(bytesOf('lab-ifb', one.path)).toBeGreaterThan(payloadBytes);
  });

  test.each([
    [
      'without the limit of what it sends',
      'tc qdisc delete dev eth0 root',
      'rate limit from the sandbox is missing on eth0',
    ],
    ['without its ifb', 'ip link delete lab-ifb', 'rate limit towards the sandbox is missing on eth0'],
    ['that is gone', 'ip link delete eth0', 'is missing'],
  ])('one %s is noticed and mended', async (_, damage, problem) => {
    await sandboxes.attach(one, shaped, {});
    run(damage, one.path);
    expect(await sandboxes.inspect(one, [shaped], {})).toContainEqual({ object: 'interface eth0', problem });
    await sandboxes.repair(one, shaped, {});
    expect(await sandboxes.inspect(one, [shaped], {})).toEqual([]);
  });

  test('detached, it leaves nothing in a namespace of somebody else’s', async () => {
    const adopted = await sandboxes.adopt({ path: one.path });
    await sandboxes.attach(adopted, shaped, {});
    await sandboxes.detach(adopted, shaped, {});
    expect(showLinks(one.path).map(({ ifname }) => ifname)).toEqual(['lo']);
  });
});

const payloadBytes = 300_000;

/** One stream of bytes from the sandbox to the host. */
function send(from: string): Promise<void> {
  return transfer(from, { server: ['TCP4-LISTEN:7070,reuseaddr', sink], client: [source, connection] });
}

/** And the other way. */
function receive(to: string): Promise<void> {
  return transfer(to, { server: [source, 'TCP4-LISTEN:7070,reuseaddr'], client: [connection, sink] });
}

const source = `EXEC:head -c ${payloadBytes} /dev/zero`;
const sink = 'OPEN:/dev/null';
const connection = 'TCP4:10.71.0.1:7070,retry=100,interval=0.05';

async function transfer(
  sandbox: string,
  ends: { readonly server: readonly string[]; readonly client: readonly string[] },
): Promise<void> {
  const server = spawn('nsenter', ['--net=/proc/self/ns/net', 'socat', '-u', ...ends.server], {
    stdio: 'ignore',
  });
  const closed = once(server, 'close');
  const client = spawnSync('nsenter', [`--net=${sandbox}`, 'socat', '-u', ...ends.client]);
  expect(client.status, String(client.stderr)).toBe(0);
  await closed;
}

function rootOf(link: string, namespacePath?: string): Record<string, unknown> | undefined {
  if (showLink(link, namespacePath) === undefined) return undefined;
  return json(`tc -s -json qdisc show dev ${link} root`, namespacePath)[0];
}

/** How much has gone through a link's root qdisc. */
function bytesOf(link: string, namespacePath?: string): number {
  return Number(rootOf(link, namespacePath)?.['bytes']);
}
