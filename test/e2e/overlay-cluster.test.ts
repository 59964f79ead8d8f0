// A cluster whose etcd has three members, of which the leader dies while hosts connect; and a history that is cut away while a
// host does not listen.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ClusterView } from '../../src/model/cluster-view.ts';
import { askApi } from '../support/api-client.ts';
import { ClusterBed } from '../support/cluster-bed.ts';
import type { EtcdMember } from '../support/cluster-bed-etcd.ts';
import { patience, statusOf, untilEverywhere } from '../support/cluster-bed-lab.ts';
import { expectEntriesAsRecorded, networkIdOf, recordsOf } from '../support/cluster-bed-tables.ts';
import { ask, resolve, startServer } from '../support/peers.ts';
import { waitUntil } from '../support/wait-until.ts';

/** Of connects at one host, one after the other. */
const streamLength = 40;

let bed: ClusterBed;

beforeAll(async () => {
  bed = await ClusterBed.start({ etcd: 3 });
  await bed.netds();
  await bed.host('h1').net('create', '-d', 'overlay', '--subnet', '10.60.0.0/20', 'lab');
  await untilEverywhere(bed, 'lab');
  await Promise.all(bed.names.map((name) => startServer(bed.host(name), `web-${name}`, '--network', 'lab')));
});
afterAll(() => bed[Symbol.asyncDispose]());

async function leader(): Promise<EtcdMember> {
  return waitUntil('etcd has a leader', async () => {
    for (const member of bed.etcd) if (await member.isLeader()) return member;
    return undefined;
  });
}

async function untilJoined(name: string): Promise<ClusterView> {
  return waitUntil(
    `${name} is joined`,
    async () => {
      const status = await statusOf(bed, name);
      return status.state === 'joined' && status.unpublished === 0 && status;
    },
    patience,
  );
}

/** Makes sandboxes and connects them, one after the other; returns the names of those that were acknowledged. */
async function connectMany(name: string, progress: (done: number) => void): Promise<readonly string[]> {
  const host = bed.host(name);
  const acknowledged: string[] = [];
  for (let i = 0; i < streamLength; i++) {
    const sandbox = `${name}-${i}`;
    await askApi(host, 'POST', '/sandboxes', { name: sandbox });
    const { status } = await askApi(host, 'POST', '/networks/lab/connect', { target: sandbox });
    if (status < 300) acknowledged.push(sandbox);
    progress(i);
  }
  return acknowledged;
}

/** By this name, asked on the second host; a watch at a member that hangs ends some seconds later. */
async function untilAnswered(name: string): Promise<void> {
  const place = { host: bed.host('h2'), sandbox: 'web-h2' };
  await waitUntil(`${name} answers`, async () => (await ask(place, name)).server === name, patience);
}

test('the leader is killed during a stream of connects: nothing that was acknowledged is lost', async () => {
  const killed = await leader();
  let death: Promise<void> | undefined;
  const killInTheMiddle = (done: number) => {
    if (done === streamLength / 4) death = killed.kill9();
  };
  const acknowledged = await Promise.all(bed.names.map((name) => connectMany(name, killInTheMiddle)));
  await death;
  expect(death, 'the leader was killed').toBeDefined();
  // Most of them need nobody: the addresses are from blocks their hosts have.
  expect(acknowledged.flat().length).toBeGreaterThan((bed.names.length * streamLength) / 2);
  for (const name of bed.names) await untilJoined(name);
  await expectEntriesAsRecorded(bed, 'lab');
  const records = await recordsOf(bed, await networkIdOf(bed.host('h1'), 'lab'));
  expect(records.map(({ names: [name] }) => name)).toEqual(expect.arrayContaining(acknowledged.flat()));
  const addresses = records.flatMap((record) => record.addresses);
  expect(new Set(addresses).size).toBe(addresses.length);
  killed.start();
  await killed.healthy();
  for (const name of bed.names) await bed.host(name).net('check');
});

test('a host that is cut off while the history is cut away catches up with all it missed', async () => {
  const gone = 'h1-0';
  await bed.part('h3');
  await askApi(bed.host('h1'), 'DELETE', `/sandboxes/${gone}`);
  await startServer(bed.host('h2'), 'meanwhile', '--network', 'lab');
  await bed.etcdctl('compact', await (await leader()).revision());
  expect(await resolve(bed.host('h3'), 'web-h3', gone)).not.toEqual([]);
  await bed.heal();
  await expectEntriesAsRecorded(bed, 'lab');
  expect(await resolve(bed.host('h3'), 'web-h3', gone)).toEqual([]);
  const place = { host: bed.host('h3'), sandbox: 'web-h3' };
  expect((await ask(place, 'meanwhile')).server).toBe('meanwhile');
  await bed.host('h3').net('check');
});

test('one member that hangs, or is cut from the two others, holds nobody up', async () => {
  const hung = await leader();
  await hung.pause();
  await waitUntil(
    'another leads',
    async () => {
      for (const member of bed.etcd) if (member !== hung && (await member.isLeader())) return true;
      return false;
    },
    patience,
  );
  await startServer(bed.host('h1'), 'despite', '--network', 'lab');
  await untilAnswered('despite');
  await hung.resume();
  await hung.healthy();

  const cut = await leader();
  const others = bed.etcdNames.filter((name) => name !== cut.name);
  await bed.part(cut.name, others);
  await startServer(bed.host('h3'), 'despite-too', '--network', 'lab');
  await untilAnswered('despite-too');
  await bed.heal();
  await expectEntriesAsRecorded(bed, 'lab');
});
