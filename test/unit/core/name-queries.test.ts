// What the core tells of names, over a kernel made of maps.
import { beforeEach, describe, expect, test } from 'vitest';
import { CoreController } from '../../../src/core/controller.ts';
import type { NetworkId } from '../../../src/model/ids.ts';
import { type FakeParts, fakeParts } from '../../support/fake-parts.ts';
import { noNameStatistics } from '../../support/name-samples.ts';

let parts: FakeParts;
let core: CoreController;

beforeEach(async () => {
  parts = fakeParts();
  core = new CoreController(parts);
  await core.start();
  for (const name of ['lab', 'back']) await core.createNetwork({ name });
  for (const name of ['web', 'db', 'lone']) await core.createSandbox({ name });
  await core.connect({ network: 'lab', target: 'web', aliases: ['www'] });
  await core.connect({ network: 'back', target: 'db', aliases: ['web'] });
});

const namesOf = (names: readonly { readonly name: string; readonly networkName?: string }[]) =>
  names
    .filter(({ name }) => !/^[0-9a-f]{12}$/.test(name))
    .map(({ name, networkName }) => `${name}.${networkName}`);

describe('names', () => {
  test('are those of all networks, or those a sandbox sees', async () => {
    expect(namesOf(await core.names())).toEqual(['db.back', 'web.back', 'web.lab', 'www.lab']);
    expect(namesOf(await core.names('web'))).toEqual(['web.lab', 'www.lab']);
    const { id } = core.sandbox('db');
    expect(namesOf(await core.names(id.slice(0, 8)))).toEqual(['db.back', 'web.back']);
  });

  test('that another claims as well are marked where both are seen', async () => {
    const claimed = async (from?: string) =>
      (await core.names(from)).filter(({ alsoClaimedBy }) => alsoClaimedBy.length > 0);
    expect(await claimed('web')).toEqual([]);
    await core.connect({ network: 'back', target: 'web' });
    expect(
      (await claimed('web')).map(({ sandboxName, networkName }) => `${sandboxName} ${networkName}`),
    ).toEqual(['db back', 'web back', 'web lab']);
  });
});

test('a name is asked for in the place of whom a target names', async () => {
  const { id } = core.sandbox('web');
  expect(await core.lookUpName({ from: 'web', name: 'db' })).toMatchObject({
    records: ['db. 5 IN A 10.9.0.2'],
    source: { networks: [id] },
  });
});

test.each([
  ['nobody', 'no sandbox nobody'],
  ['lone', 'sandbox lone is on no network that has names'],
  ['pid:77', 'pid:77 is connected to no network'],
])('nothing is known of what %s is told', async (from, message) => {
  parts.world.namespaces.set('/proc/77/ns/net', new Set());
  await expect(core.lookUpName({ from, name: 'db' })).rejects.toThrow(message);
  await expect(core.names(from)).rejects.toThrow(message);
});

describe('statistics', () => {
  const counts = { answered: 1, noData: 0, noName: 0, cached: 0, forwarded: 0, failed: 0, refused: 0 };

  beforeEach(() => {
    const [web, db] = [core.sandbox('web').id, core.sandbox('db').id];
    parts.world.nameStatistics = {
      ...noNameStatistics,
      askers: [web, db].map((sandboxId) => ({ sandboxId, questions: 1, ...counts })),
      networks: [core.network('lab').id, 'f'.repeat(64) as NetworkId].map((networkId) => ({
        networkId,
        answered: 2,
      })),
      upstreams: [
        { address: '192.0.2.1', asked: 1, replied: 1, failed: 0, isFailing: false },
        { address: '192.0.2.2', sandboxId: db, asked: 1, replied: 1, failed: 0, isFailing: false },
      ],
    };
  });

  test.each([
    [[], ['web', 'db'], ['lab', 'ffffffffffff'], ['192.0.2.1', '192.0.2.2']],
    [['web'], ['web'], [], []],
    [['db'], ['db'], [], ['192.0.2.2']],
    [['lab', 'db'], ['db'], ['lab'], ['192.0.2.2']],
    [['back'], [], [], []],
  ])('of %j are those of sandboxes %j, networks %j and upstreams %j', (refs, askers, networks, upstreams) => {
    const told = core.nameStatistics(refs.map((ref) => ({ ref })));
    expect(told.askers.map(({ sandboxName }) => sandboxName)).toEqual(askers);
    expect(told.networks.map(({ networkName }) => networkName)).toEqual(networks);
    expect(told.upstreams.map(({ address }) => address)).toEqual(upstreams);
  });

  test('name the sandbox an upstream is asked from', () => {
    const told = core.nameStatistics([]).upstreams.map(({ sandboxName }) => sandboxName);
    expect(told).toEqual([undefined, 'db']);
  });

  test('of what is not there are refused', () => {
    expect(() => core.nameStatistics([{ ref: 'nobody' }])).toThrow('no network or sandbox nobody');
  });
});
