// What goes on, what stops and what comes back when etcd hangs or dies.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ClusterBed } from '../support/cluster-bed.ts';
import type { EtcdMember } from '../support/cluster-bed-etcd.ts';
import { askName, labConfiguration, startLab, untilState } from '../support/cluster-bed-lab.ts';
import { PacketStream, startEcho } from '../support/cluster-bed-stream.ts';
import { expectEntriesAsRecorded, linksOf } from '../support/cluster-bed-tables.ts';
import { installNetwork } from '../support/engines/cni-plugins.ts';
import { CniRuntime } from '../support/engines/cni-runtime.ts';
import { startServer } from '../support/peers.ts';

/** "Try again" of the CNI specification. */
const tryAgain = 11;

describe('etcd is away', () => {
  let bed: ClusterBed;
  let id: string;
  let runtime: CniRuntime;

  beforeAll(async () => {
    ({ bed, id } = await startLab(['h1', 'h2']));
    await startEcho(bed.host('h2'), 'echo', '--network', 'lab');
    await installNetwork(bed.host('h3'), labConfiguration);
    runtime = new CniRuntime(bed.host('h3'), labConfiguration);
    await runtime.makeNamespaces(['pod']);
  });
  afterAll(() => bed[Symbol.asyncDispose]());

  describe.each<{
    how: string;
    begin: (etcd: EtcdMember) => Promise<void>;
    end: (etcd: EtcdMember) => Promise<void>;
  }>([
    { how: 'hangs', begin: (etcd) => etcd.pause(), end: (etcd) => etcd.resume() },
    {
      how: 'was killed',
      begin: (etcd) => etcd.kill9(),
      end: async (etcd) => {
        etcd.start();
        await etcd.healthy();
      },
    },
  ])('it $how', ({ how, begin, end }) => {
    const late = `late-${how.replaceAll(' ', '-')}`;
    let stream: PacketStream;

    beforeAll(async () => {
      stream = await PacketStream.start(bed.host('h1'), 'web-h1', 'echo');
      await begin(bed.theEtcd);
    });

    test('names and traffic go on', async () => {
      expect(await askName(bed, 'h1', 'web-h1', 'web-h2')).toBe('web-h2');
      expect(await askName(bed, 'h2', 'web-h2', 'web-h1')).toBe('web-h1');
    });

    test('a host goes on to give addresses of its own blocks', async () => {
      await startServer(bed.host('h1'), late, '--network', 'lab');
      expect(await askName(bed, 'h1', 'web-h1', late)).toBe(late);
      expect(await askName(bed, 'h1', late, 'web-h1')).toBe('web-h1');
      expect((await untilState(bed, 'h1', 'away')).unpublished).toBe(1);
    });

    test('a host without a block refuses, and tells a container runtime to try again', async () => {
      const h3 = bed.host('h3');
      const { status, stderr } = await h3.tryNet('run', '--name', 'none', '--network', 'lab', '--', 'true');
      expect(status).toBe(125);
      expect(stderr).toMatch(/etcd/);
      const answer = await runtime.add('pod');
      expect(answer).toMatchObject({ status: 1, body: { code: tryAgain } });
      expect(await h3.run(['ip', '-brief', 'link'])).not.toContain(linksOf(id).bridge);
    });

    test('networks of the cluster cannot be made or deleted', async () => {
      const h3 = bed.host('h3');
      for (const args of [
        ['create', '-d', 'overlay', 'other'],
        ['rm', 'lab'],
      ]) {
        const { status, stderr } = await h3.tryNet(...args);
        expect(status).toBe(1);
        expect(stderr).toMatch(/etcd/);
      }
      expect(await h3.net('ls')).not.toMatch(/\bother\b/);
      expect(await h3.net('ls')).toMatch(/\blab\b/);
    });

    test('networks of this host alone are made and used', async () => {
      const h3 = bed.host('h3');
      await h3.net('create', 'alone');
      expect(await h3.net('run', '--network', 'alone', '--', 'echo', 'runs')).toBe('runs');
      await h3.net('rm', 'alone');
    });

    test('when it is back, others learn of what came meanwhile, and not a packet was lost', async () => {
      await end(bed.theEtcd);
      for (const name of bed.names) await untilState(bed, name, 'joined');
      await expectEntriesAsRecorded(bed, 'lab');
      expect(await askName(bed, 'h2', 'web-h2', late)).toBe(late);
      expect(await askName(bed, 'h1', late, 'web-h2')).toBe('web-h2');
      const { sent, lost } = await stream.end();
      expect({ sent: sent > 100, lost }).toEqual({ sent: true, lost: [] });
      for (const name of bed.names) await bed.host(name).net('check');
    });
  });
});
