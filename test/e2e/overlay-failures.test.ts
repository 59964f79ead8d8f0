// What goes on, what stops and what comes back when a netd, a host or the wire between them fails.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ClusterBed } from '../support/cluster-bed.ts';
import { askName, patience, startLab, statusOf, untilState } from '../support/cluster-bed-lab.ts';
import { PacketStream, startEcho } from '../support/cluster-bed-stream.ts';
import { entriesOn, expectEntriesAsRecorded, networkIdOf, recordsOf } from '../support/cluster-bed-tables.ts';
import { addressOf, expectSilence, resolve, startServer } from '../support/peers.ts';
import type { Netd } from '../support/test-host.ts';
import { waitUntil } from '../support/wait-until.ts';

describe('netd is killed', () => {
  let bed: ClusterBed;
  let netds: Map<string, Netd>;
  let id: string;

  beforeAll(async () => {
    ({ bed, netds, id } = await startLab(['h1', 'h2', 'h3']));
    await startEcho(bed.host('h2'), 'echo', '--network', 'lab');
  });
  afterAll(() => bed[Symbol.asyncDispose]());

  async function kill(name: string): Promise<void> {
    await netds.get(name)?.kill9();
  }

  async function startAgain(name: string): Promise<void> {
    netds.set(name, await bed.netd(name));
  }

  test('and started again on both sides, not a packet is lost and every entry stays', async () => {
    await expectEntriesAsRecorded(bed, 'lab');
    const entries = () => Promise.all(bed.names.map((name) => entriesOn(bed.host(name), id)));
    const before = await entries();
    const stream = await PacketStream.start(bed.host('h1'), 'web-h1', 'echo');
    for (const name of ['h1', 'h2']) {
      await kill(name);
      await startAgain(name);
    }
    await Promise.all(['h1', 'h2'].map(kill));
    await Promise.all(['h1', 'h2'].map(startAgain));
    expect(await entries()).toEqual(before);
    for (const name of bed.names) await untilState(bed, name, 'joined');
    await expectEntriesAsRecorded(bed, 'lab');
    const { sent, lost } = await stream.end();
    expect({ sent: sent > 100, lost }).toEqual({ sent: true, lost: [] });
    expect(await askName(bed, 'h1', 'web-h1', 'web-h2')).toBe('web-h2');
  });

  test('what others did meanwhile is known after its start', async () => {
    await kill('h1');
    await bed.host('h2').net('sandbox', 'rm', '--force', 'web-h2');
    await startServer(bed.host('h3'), 'new', '--network', 'lab');
    await startAgain('h1');
    await expectEntriesAsRecorded(bed, 'lab');
    expect(await askName(bed, 'h1', 'web-h1', 'new')).toBe('new');
    expect(await resolve(bed.host('h1'), 'web-h1', 'web-h2')).toEqual([]);
  });

  test('and started again while etcd is away, it keeps the way to everybody it knew', async () => {
    await expectEntriesAsRecorded(bed, 'lab');
    const before = await entriesOn(bed.host('h1'), id);
    const stream = await PacketStream.start(bed.host('h1'), 'web-h1', 'echo');
    await bed.theEtcd.kill9();
    await kill('h1');
    await startAgain('h1');
    expect(await entriesOn(bed.host('h1'), id)).toEqual(before);
    bed.theEtcd.start();
    await untilState(bed, 'h1', 'joined');
    await expectEntriesAsRecorded(bed, 'lab');
    expect((await stream.end()).lost).toEqual([]);
  });
});

describe('a host or a wire fails', () => {
  let bed: ClusterBed;
  let id: string;

  beforeAll(async () => {
    ({ bed, id } = await startLab(['h1', 'h2', 'h3'], '--cluster-lease', '5'));
  });
  afterAll(() => bed[Symbol.asyncDispose]());

  async function isKnownTo(name: string, address: string): Promise<boolean> {
    const { neighbours } = await entriesOn(bed.host(name), id);
    return neighbours.some((line) => line.startsWith(`${address} is `));
  }

  test('a host cut from etcd for longer than its lease is withdrawn by the others, and is back when healed', async () => {
    const address = await addressOf(bed.host('h2'), 'web-h2');
    await bed.part('h2');
    await waitUntil(
      'h1 and h3 have withdrawn it',
      async () => {
        return !(await isKnownTo('h1', address)) && !(await isKnownTo('h3', address));
      },
      patience,
    );
    expect(await resolve(bed.host('h1'), 'web-h1', 'web-h2')).toEqual([]);
    expect(await askName(bed, 'h1', 'web-h1', 'web-h3')).toBe('web-h3');
    const members = (await statusOf(bed, 'h1')).members.map(({ name, alive }) => [name, alive]);
    expect(members.sort()).toEqual([
      ['h1', true],
      ['h2', false],
      ['h3', true],
    ]);
    await bed.heal();
    await waitUntil(
      'h1 and h3 know it again',
      async () => {
        return (await isKnownTo('h1', address)) && (await isKnownTo('h3', address));
      },
      patience,
    );
    await untilState(bed, 'h2', 'joined');
    await expectEntriesAsRecorded(bed, 'lab');
    expect(await addressOf(bed.host('h2'), 'web-h2')).toBe(address);
    expect(await askName(bed, 'h1', 'web-h1', 'web-h2')).toBe('web-h2');
    expect(await askName(bed, 'h2', 'web-h2', 'web-h1')).toBe('web-h1');
  });

  test('hosts cut from each other keep what they know, and go on when healed', async () => {
    const [h1, h2] = [bed.host('h1'), bed.host('h2')];
    const address = await addressOf(h2, 'web-h2');
    await bed.part('h1', ['h2']);
    await expectSilence({ host: h1, sandbox: 'web-h1' }, address);
    expect(await askName(bed, 'h3', 'web-h3', 'web-h2')).toBe('web-h2');
    expect(await isKnownTo('h1', address)).toBe(true);
    expect(await resolve(h1, 'web-h1', 'web-h2')).toEqual([address]);
    await bed.heal();
    expect(await askName(bed, 'h1', 'web-h1', 'web-h2')).toBe('web-h2');
    await expectEntriesAsRecorded(bed, 'lab');
  });

  test('a host without power is withdrawn after its lease, and its addresses are not given away', async () => {
    const blocks = () => bed.keys(`net/${id}/block/`);
    const before = await blocks();
    const address = await addressOf(bed.host('h3'), 'web-h3');
    await bed.powerOff('h3');
    await waitUntil(
      'h1 and h2 have withdrawn it',
      async () => {
        return !(await isKnownTo('h1', address)) && !(await isKnownTo('h2', address));
      },
      patience,
    );
    expect(await resolve(bed.host('h1'), 'web-h1', 'web-h3')).toEqual([]);
    expect(await blocks()).toEqual(before);
    const claim = await bed.host('h1').tryNet('run', '--network', 'lab', '--ip', address, '--', 'true');
    expect(claim.status).toBe(125);
    expect(claim.stderr).toMatch(/\bh3\b/);
  });

  test('back from another boot, it has its networks but none of the endpoints, and gives addresses again', async () => {
    await bed.boot('h3');
    await bed.netd('h3');
    await untilState(bed, 'h3', 'joined');
    expect(await networkIdOf(bed.host('h3'), 'lab')).toBe(id);
    await waitUntil(
      'its old endpoint is withdrawn',
      async () => {
        return (await recordsOf(bed, id)).every(({ names }) => !names.includes('web-h3'));
      },
      patience,
    );
    await startServer(bed.host('h3'), 'again', '--network', 'lab');
    await expectEntriesAsRecorded(bed, 'lab');
    expect(await askName(bed, 'h1', 'web-h1', 'again')).toBe('again');
    expect(await askName(bed, 'h3', 'again', 'web-h2')).toBe('web-h2');
    for (const name of bed.names) await bed.host(name).net('check');
  });
});
