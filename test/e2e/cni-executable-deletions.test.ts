// What becomes of a deletion that the executable `fairlead-cni` can hand to nobody.
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type CniCall, callCni, documentOf } from '../support/cni-caller.ts';
import { FakeNetd } from '../support/fake-netd.ts';

let netd: FakeNetd;

beforeEach(async () => {
  netd = await FakeNetd.start();
});
afterEach(() => netd[Symbol.asyncDispose]());

/** Calls it with FAIRLEAD_HOST naming the fake. */
function call(command: string, { env, ...rest }: CniCall = {}) {
  return callCni(command, { env: { FAIRLEAD_HOST: netd.host, ...env }, ...rest });
}

describe('a deletion while netd is away', () => {
  const deletions = () => join(netd.folder, 'cni-deletions');
  const tombstones = () => (existsSync(deletions()) ? readdirSync(deletions()) : []);
  const bodyOf = (name: string) => readFileSync(join(deletions(), name), 'utf8');
  const done = { status: 0, stdout: '', stderr: '' };

  test('is kept as what netd would have been asked', async () => {
    await call('DEL');
    await netd.die();
    expect(await call('DEL')).toEqual(done);
    expect(tombstones()).toEqual(['lab@c1@eth0']);
    expect(bodyOf('lab@c1@eth0')).toBe(netd.cniBodies[0]);
    expect(statSync(deletions()).mode & 0o777).toBe(0o700);
    expect(statSync(join(deletions(), 'lab@c1@eth0')).mode & 0o777).toBe(0o600);
  });

  test('is kept once for each attachment, as it was asked last', async () => {
    await netd.die();
    await call('DEL');
    await call('DEL', { env: { CNI_ARGS: 'last' } });
    await call('DEL', { env: { CNI_IFNAME: 'a@%é' } });
    await call('DEL', { env: { CNI_CONTAINERID: 'c2' } });
    expect(tombstones().sort()).toEqual(['lab@c1@a%40%25%c3%a9', 'lab@c1@eth0', 'lab@c2@eth0']);
    expect(JSON.parse(bodyOf('lab@c1@eth0')).environment).toMatchObject({ CNI_ARGS: 'last' });
  });

  test('is kept however long the names are', async () => {
    await netd.die();
    const ids = ['a', 'b'].map((end) => 'c'.repeat(300) + end);
    for (const id of [...ids, ...ids]) {
      expect(await call('DEL', { env: { CNI_CONTAINERID: id } })).toEqual(done);
    }
    expect(tombstones()).toHaveLength(2);
    for (const name of tombstones()) expect(name).toMatch(/^[0-9a-f]{32}$/);
    const kept = tombstones().map((name) => JSON.parse(bodyOf(name)).environment.CNI_CONTAINERID);
    expect(kept.sort()).toEqual(ids);
  });

  test('is kept when there is no folder for the socket yet', async () => {
    const socket = join(netd.folder, 'later', 'api.sock');
    expect(await call('DEL', { input: { name: 'lab', socket } })).toEqual(done);
    expect(readdirSync(join(netd.folder, 'later/cni-deletions'))).toEqual(['lab@c1@eth0']);
  });

  test('is done after all when netd turns out to be there', async () => {
    const seen: string[][] = [];
    netd.answerCni((response, index) => {
      seen.push(tombstones());
      return index === 0 ? response.socket?.destroy() : response.end();
    });
    expect(await call('DEL')).toEqual(done);
    expect(seen).toEqual([[], ['lab@c1@eth0']]);
    expect(netd.cniBodies[1]).toBe(netd.cniBodies[0]);
    expect(tombstones()).toEqual([]);
  });

  test('is kept when netd breaks off every time', async () => {
    netd.answerCni((response) => response.socket?.destroy());
    expect(await call('DEL')).toEqual(done);
    expect(tombstones()).toEqual(['lab@c1@eth0']);
  });

  test.each(['ADD', 'DEL'])('is no longer wanted once %s has succeeded', async (command) => {
    mkdirSync(deletions());
    for (const name of ['lab@c1@eth0', 'lab@c2@eth0']) writeFileSync(join(deletions(), name), '');
    netd.answerCni((response) => response.end('{}'));
    await call(command);
    expect(tombstones()).toEqual(['lab@c2@eth0']);
  });

  test('fails when it cannot be kept', async () => {
    await netd.die();
    writeFileSync(deletions(), '');
    const outcome = await call('DEL');
    expect(outcome.status).toBe(1);
    const message = `cannot be kept for it: cannot make a file in ${deletions()}: Not a directory`;
    expect(documentOf(outcome)).toMatchObject({ code: 11, msg: expect.stringContaining(message) });
  });

  test('leaves no half of it when it cannot be put in its place', async () => {
    await netd.die();
    mkdirSync(join(deletions(), 'lab@c1@eth0'), { recursive: true });
    expect(documentOf(await call('DEL'))).toMatchObject({ code: 11 });
    expect(tombstones()).toEqual(['lab@c1@eth0']);
  });

  test.each<[string, CniCall]>([
    ['by its type', { input: { name: 'lo', type: 'loopback' } }],
    ['by the name it is started under', { program: '/opt/cni/bin/loopback' }],
  ])('of a loopback (%s) needs nobody', async (_what, given) => {
    await netd.die();
    expect(await call('DEL', given)).toEqual(done);
    expect(existsSync(deletions())).toBe(false);
  });
});
