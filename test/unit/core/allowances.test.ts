// Allowances over a kernel made of maps: what they stand for, what they refuse, and that they follow records and end with them.
import { beforeEach, describe, expect, test } from 'vitest';
import { parseCidr, parseIp } from '../../../src/base/cidr.ts';
import { CoreController } from '../../../src/core/controller.ts';
import { parseAllowance } from '../../../src/model/allowance-syntax.ts';
import type { Event } from '../../../src/model/event.ts';
import { type FakeParts, fakeParts } from '../../support/fake-parts.ts';

let parts: FakeParts;
let core: CoreController;
let told: Event[];

beforeEach(async () => {
  parts = fakeParts();
  core = new CoreController(parts);
  await core.start();
  await createNetwork('lab', ['10.5.0.0/24', 'fd05::/64']);
  await createNetwork('dmz', ['10.6.0.0/24', 'fd06::/64']);
  await createNetwork('cut', ['10.7.0.0/24'], { icc: 'false' });
  await createNetwork('six', ['fd08::/64']);
  await core.createNetwork({ name: 'inner', internal: true });
  await core.createNetwork({ name: 'lan', driver: 'macvlan' });
  for (const name of ['web', 'db']) await core.createSandbox({ name });
  told = [];
  core.events.subscribe((event) => told.push(event));
});

async function createNetwork(name: string, subnets: readonly string[], options = {}) {
  const pools = subnets.map((subnet) => ({ subnet: parseCidr(subnet, 'x'), reserved: {} }));
  await core.createNetwork({ name, pools, options, ipv4: !name.startsWith('six') });
}

const allow = (from: string, to: string) => core.allow(parseAllowance({ from, to }));
const connect = (network: string, target: string, ...addresses: readonly string[]) =>
  core.connect({ network, target, addresses: addresses.map((address) => parseIp(address, 'x')) });
const inForce = () => [...parts.world.allowances.values()];
const policyEvents = () =>
  told.filter(({ type }) => type === 'policy').map(({ action, attributes }) => ({ action, ...attributes }));

describe('an allowance', () => {
  test('between networks is about their subnets, of the families both have', async () => {
    await allow('lab', 'dmz:80/tcp');
    await allow('cut', 'lab');
    expect(inForce()).toEqual([
      '10.5.0.0/24,fd05::/64 -> 10.6.0.0/24,fd06::/64 80/tcp',
      '10.7.0.0/24 -> 10.5.0.0/24',
    ]);
  });

  test('between sandboxes is about the addresses they have, and follows them', async () => {
    await connect('lab', 'web', '10.5.0.9', 'fd05::9');
    await allow('web', 'db:5432-5433');
    expect(inForce()).toEqual([]);
    await connect('dmz', 'db', '10.6.0.9', 'fd06::9');
    expect(inForce()).toEqual(['10.5.0.9/32,fd05::9/128 -> 10.6.0.9/32,fd06::9/128 5432-5433/tcp']);
    await connect('cut', 'web', '10.7.0.9');
    expect(inForce()).toEqual([
      '10.5.0.9/32,fd05::9/128,10.7.0.9/32 -> 10.6.0.9/32,fd06::9/128 5432-5433/tcp',
    ]);
    await core.disconnect('lab', 'web', { force: false });
    expect(inForce()).toEqual(['10.7.0.9/32 -> 10.6.0.9/32 5432-5433/tcp']);
    await core.disconnect('dmz', 'db', { force: false });
    expect(inForce()).toEqual([]);
  });

  test('is not about addresses on networks the host passes nothing on to', async () => {
    await connect('lab', 'web', '10.5.0.9');
    await core.connect({ network: 'inner', target: 'web' });
    await core.connect({ network: 'lan', target: 'web' });
    await allow('web', 'cut');
    expect(inForce()).toEqual(['10.5.0.9/32 -> 10.7.0.0/24']);
  });

  test('is right when both ends change at the same time', async () => {
    await allow('web', 'db');
    await Promise.all([connect('lab', 'web', '10.5.0.9'), connect('cut', 'db', '10.7.0.9')]);
    expect(inForce()).toEqual(['10.5.0.9/32 -> 10.7.0.9/32']);
    parts.failOn('sandboxes.attach', 2);
    await Promise.allSettled([connect('dmz', 'web', '10.6.0.9'), connect('dmz', 'db', '10.6.0.8')]);
    expect(inForce()).toEqual(['10.5.0.9/32,10.6.0.9/32 -> 10.7.0.9/32']);
  });

  test('shows its ends by name, kind and address', async () => {
    await connect('lab', 'web', '10.5.0.9', 'fd05::9');
    const { id } = await allow('network:cut', 'sandbox:web:80');
    expect(core.allowance(id.slice(0, 12))).toMatchObject({
      from: { kind: 'network', name: 'cut', addresses: ['10.7.0.0/24'] },
      to: { kind: 'sandbox', name: 'web', addresses: ['10.5.0.9/32', 'fd05::9/128'] },
      ports: { protocol: 'tcp', first: 80, last: 80 },
    });
    expect(core.allowances()).toEqual([core.allowance(id)]);
  });

  test('is told of when it is made and when it is taken back', async () => {
    const { id } = await allow('lab', 'web:80');
    await core.deleteAllowance(id);
    const ends = { from: 'network:lab', to: 'sandbox:web', ports: '80/tcp' };
    expect(policyEvents()).toEqual([
      { action: 'create', ...ends },
      { action: 'delete', ...ends },
    ]);
    expect(inForce()).toEqual([]);
    expect(() => core.allowance(id)).toThrow(`no policy ${id}`);
    await expect(core.deleteAllowance(id)).rejects.toThrow(`no policy ${id}`);
  });
});

describe('an end', () => {
  test('is called by name, by id or by a prefix of one', async () => {
    const { id } = core.network('lab');
    for (const [port, ref] of [id, id.slice(0, 20), `network:${id.slice(0, 20)}`, 'network:lab'].entries())
      await allow(ref, `dmz:${port + 1}`);
    expect(core.allowances().map(({ from }) => from.name)).toEqual(['lab', 'lab', 'lab', 'lab']);
  });

  test('is refused while its name stands for a network and a sandbox', async () => {
    await core.createSandbox({ name: 'lab' });
    await expect(allow('lab', 'dmz')).rejects.toThrow(
      'lab is both a network and a sandbox: write network:lab or sandbox:lab',
    );
    await allow('network:lab', 'dmz');
    expect(inForce()).toHaveLength(1);
  });

  test('is found by its name even where that begins an id of the other kind', async () => {
    const name = core.sandbox('web').id.slice(0, 6);
    await createNetwork(name, ['10.9.0.0/24']);
    expect((await allow(name, 'dmz')).from).toMatchObject({ kind: 'network', name });
  });
});

describe('an allowance is refused', () => {
  beforeEach(async () => {
    await core.createSandbox({ name: 'hidden' });
    await core.connect({ network: 'inner', target: 'hidden' });
    await connect('lab', 'web', '10.5.0.9');
    await connect('cut', 'db', '10.7.0.9');
    await core.createSandbox({ name: 'apart' });
    await connect('cut', 'apart', '10.7.0.8');
  });

  test.each([
    ['lab', 'nobody', 'not_found', 'no network or sandbox nobody'],
    ['sandbox:lab', 'dmz', 'not_found', 'no sandbox lab'],
    ['lab', 'network:web', 'not_found', 'no network web'],
    ['lab', 'inner', 'invalid_parameter', 'network inner (internal): the host passes nothing on'],
    ['lan', 'lab', 'invalid_parameter', 'network lan (driver macvlan): the host passes nothing on'],
    ['lab', 'host', 'invalid_parameter', 'network host (driver host)'],
    ['none', 'lab', 'invalid_parameter', 'network none (driver none)'],
    [
      'hidden',
      'lab',
      'invalid_parameter',
      'sandbox hidden is only on networks the host passes nothing on to: inner (internal)',
    ],
    [
      'lab',
      'lab',
      'invalid_parameter',
      'both ends are network lab, where sandboxes reach each other already',
    ],
    [
      'cut',
      'cut',
      'invalid_parameter',
      'both ends are network cut, whose option icc=false keeps sandboxes apart at the bridge: no policy can open that',
    ],
    ['web', 'web', 'invalid_parameter', 'both ends are sandbox web'],
    [
      'web',
      'lab',
      'invalid_parameter',
      'both ends are on network lab alone, where sandboxes reach each other already',
    ],
    [
      'db',
      'apart',
      'invalid_parameter',
      'both ends are on network cut alone, whose option icc=false keeps sandboxes apart',
    ],
    [
      'cut',
      'six',
      'invalid_parameter',
      'network cut has IPv4 addresses and network six IPv6 ones: nothing can pass between them',
    ],
  ])('from %s to %s', async (from, to, code, message) => {
    await expect(allow(from, to)).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
    expect(core.allowances()).toEqual([]);
    expect(inForce()).toEqual([]);
  });

  test('when there is the same already, also where two ask at once', async () => {
    const { id } = await allow('lab', 'dmz:80');
    await expect(allow('network:lab', 'dmz:80/tcp')).rejects.toMatchObject({
      code: 'already_exists',
      message: `policy ${id.slice(0, 12)} allows 80/tcp from network lab to network dmz already`,
    });
    await allow('lab', 'dmz:80-81');
    await allow('dmz', 'lab:80');
    const answers = await Promise.allSettled([allow('lab', 'dmz'), allow('lab', 'dmz')]);
    expect(answers.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });
});

describe('with its end', () => {
  test.each([
    ['a sandbox that is deleted', () => core.deleteSandbox('web', { force: false })],
    ['a network that is deleted', () => core.deleteNetwork('dmz', { force: true })],
  ])('an allowance goes: %s', async (_, remove) => {
    await connect('lab', 'web', '10.5.0.9');
    await allow('web', 'dmz:80');
    const { id } = await allow('lab', 'cut');
    told.length = 0;
    await remove();
    expect(core.allowances().map((one) => one.id)).toEqual([id]);
    expect(inForce()).toHaveLength(1);
    expect(policyEvents()).toEqual([
      { action: 'delete', from: 'sandbox:web', to: 'network:dmz', ports: '80/tcp' },
    ]);
  });

  test('an adopted sandbox that leaves its last network takes them along', async () => {
    parts.world.namespaces.set('/proc/5/ns/net', new Set());
    await core.connect({ network: 'lab', target: 'pid:5' });
    await allow('pid-5', 'dmz');
    await core.disconnect('lab', 'pid-5', { force: false });
    expect(core.allowances()).toEqual([]);
    expect(inForce()).toEqual([]);
  });

  test('an allowance that is taken back meanwhile goes once', async () => {
    const { id } = await allow('lab', 'web');
    await Promise.all([
      core.deleteSandbox('web', { force: false }),
      core.deleteAllowance(id).catch(() => {}),
    ]);
    expect(policyEvents().map(({ action }) => action)).toEqual(['create', 'delete']);
  });
});

describe('a failure', () => {
  test.each(['firewall.apply', 'store.commit'])('of %s leaves an allowance unmade', async (call) => {
    parts.failOn(call);
    await expect(allow('lab', 'dmz')).rejects.toThrow('was told to fail');
    expect([core.allowances(), inForce(), policyEvents()]).toEqual([[], [], []]);
  });

  test.each(['firewall.apply', 'store.commit'])('of %s leaves an allowance in force', async (call) => {
    const { id } = await allow('lab', 'dmz');
    parts.failOn(call);
    await expect(core.deleteAllowance(id)).rejects.toThrow('was told to fail');
    expect(core.allowance(id).id).toBe(id);
    expect(inForce()).toHaveLength(1);
  });

  test('while a sandbox joins leaves its allowances as they were', async () => {
    await connect('lab', 'web', '10.5.0.9');
    await allow('web', 'cut');
    for (const call of ['sandboxes.attach', 'firewall.apply']) {
      parts.failOn(call);
      await expect(connect('dmz', 'web', '10.6.0.9')).rejects.toThrow('was told to fail');
      expect(inForce()).toEqual(['10.5.0.9/32 -> 10.7.0.0/24']);
    }
  });
});

test('a failure that is told of after the rules were made leaves allowances as they were', async () => {
  await connect('lab', 'web', '10.5.0.9');
  await allow('web', 'cut');
  const { apply } = parts.firewall;
  let fails = true;
  const applyAndFail: typeof apply = async (changes) => {
    await apply(changes);
    if (!fails || !changes.some((change) => 'allowance' in change)) return;
    fails = false;
    throw new Error('the answer was lost');
  };
  Object.assign(parts, { firewall: { ...parts.firewall, apply: applyAndFail } });
  await expect(connect('dmz', 'web', '10.6.0.9')).rejects.toThrow('the answer was lost');
  expect(inForce()).toEqual(['10.5.0.9/32 -> 10.7.0.0/24']);
});

describe('after a restart', () => {
  async function restart() {
    parts.world.allowances.clear();
    core = new CoreController(parts);
    await core.start();
  }

  test('what was allowed is in force again', async () => {
    await connect('lab', 'web', '10.5.0.9');
    await allow('web', 'cut:80');
    await restart();
    expect(inForce()).toEqual(['10.5.0.9/32 -> 10.7.0.0/24 80/tcp']);
  });

  test('what was about sandboxes of an earlier boot is forgotten', async () => {
    await allow('web', 'lab');
    await allow('lab', 'dmz');
    parts = Object.assign(parts, { bootId: 'next-boot' });
    await restart();
    expect(core.allowances().map(({ from }) => from.name)).toEqual(['lab']);
    expect(inForce()).toHaveLength(1);
  });

  test('a check finds one that is missing and puts it back', async () => {
    const { id } = await allow('lab', 'dmz');
    parts.world.allowances.clear();
    expect((await core.check({ fix: false })).differences).toMatchObject([{ object: `policy ${id}` }]);
    await core.check({ fix: true });
    expect(inForce()).toHaveLength(1);
  });
});
