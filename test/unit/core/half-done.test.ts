// What is left when a request, or the undoing of one, breaks off: nothing is lost, given away twice, or stuck for ever.
import { beforeEach, expect, test } from 'vitest';
import { addressOf, parseCidr } from '../../../src/base/cidr.ts';
import { CoreController } from '../../../src/core/controller.ts';
import type { Parts } from '../../../src/core/parts.ts';
import { type FakeParts, fakeParts } from '../../support/fake-parts.ts';

let parts: FakeParts;
let core: CoreController;

beforeEach(async () => {
  parts = fakeParts();
  core = new CoreController(parts);
  await core.start();
  await core.createNetwork({
    name: 'lab',
    pools: [{ subnet: parseCidr('10.5.0.0/29', 'x'), reserved: {} }],
  });
});

test('an address is not given away while the record of its endpoint is there, nor given back twice', async () => {
  for (const name of ['web', 'db']) await core.createSandbox({ name });
  const { addresses } = await core.connect({ network: 'lab', target: 'web' });
  const same = { network: 'lab', target: 'db', addresses: addresses.map(addressOf) };
  parts.failOn('store.commit', 2);
  await expect(core.disconnect('lab', 'web', { force: false })).rejects.toThrow('not everything');
  await expect(core.connect(same)).rejects.toMatchObject({ code: 'conflict' });
  await core.disconnect('lab', 'web', { force: false });
  expect((await core.connect(same)).addresses).toEqual(addresses);
});

test('a connect that could not be undone keeps its address until a check clears it away', async () => {
  for (const name of ['web', 'db']) await core.createSandbox({ name });
  parts.failOn('store.commit', 2);
  const { commit } = parts.store;
  const full: Parts['store']['commit'] = async (changes, options) => {
    if (changes.some((change) => 'drop' in change)) throw new Error('no space left');
    return commit(changes, options);
  };
  Object.assign(parts, { store: { ...parts.store, commit: full } });
  await expect(core.connect({ network: 'lab', target: 'web' })).rejects.toThrow('told to fail');
  Object.assign(parts, { store: { ...parts.store, commit } });
  const left = core.sandbox('web').endpoints.flatMap(({ addresses }) => addresses.map(addressOf));
  const same = { network: 'lab', target: 'db', addresses: left };
  await expect(core.connect(same)).rejects.toMatchObject({ code: 'conflict' });
  const { differences } = await core.check({ fix: true });
  expect(differences).toMatchObject([{ object: 'endpoint eth0 of sandbox web', repaired: true }]);
  expect(core.sandbox('web').endpoints).toEqual([]);
  expect((await core.connect(same)).addresses.map(addressOf)).toEqual(left);
});

test('what could not be repaired is not told to be', async () => {
  parts.world.bridges.delete('lab');
  parts.failOn('driver.ensureNetwork');
  const { differences } = await core.check({ fix: true });
  expect(differences).toMatchObject([{ object: 'bridge lab', repaired: false }]);
});
