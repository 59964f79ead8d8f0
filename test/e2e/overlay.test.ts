// Networks that reach over several hosts, each with a netd of its own, which know of each other by etcd.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ClusterView } from '../../src/model/cluster-view.ts';
import { askApi } from '../support/api-client.ts';
import { ClusterBed } from '../support/cluster-bed.ts';
import { untilEverywhere } from '../support/cluster-bed-lab.ts';
import { expectEntriesAsRecorded, linksOf, networkIdOf, recordsOf } from '../support/cluster-bed-tables.ts';
import type { CommandResult } from '../support/host-process.ts';
import { addressOf, ask, resolve, startHostServer, startServer } from '../support/peers.ts';
import { waitUntil } from '../support/wait-until.ts';

const reach = new URL('../support/reach.py', import.meta.url).pathname;

describe.each([
  { outside: 'IPv4', ipv6Outside: false, mtu: 1450 },
  { outside: 'IPv6', ipv6Outside: true, mtu: 1430 },
])('hosts that reach each other over $outside', ({ ipv6Outside, mtu }) => {
  let bed: ClusterBed;
  /** Two on every host, by the name of the host. */
  let webs: readonly { readonly host: string; readonly name: string }[];

  beforeAll(async () => {
    bed = await ClusterBed.start({ ipv6Outside });
    await bed.netds();
    await bed.host('h1').net('create', '-d', 'overlay', '--ipv6', 'lab');
    webs = bed.names.flatMap((host) => [`${host}a`, `${host}b`].map((name) => ({ host, name })));
  });
  afterAll(() => bed[Symbol.asyncDispose]());

  test('a network made on one is soon on all', async () => {
    await untilEverywhere(bed, 'lab');
  });

  test('processes on all of them reach each other by name, over both families', async () => {
    await Promise.all(
      webs.map(({ host, name }) => startServer(bed.host(host), name, '--network', 'lab', '--expose', '80')),
    );
    const names = webs.map(({ name }) => name);
    const addresses6 = await Promise.all(
      webs.map(({ host, name }) => addressOf(bed.host(host), name, 'eth0', 6)),
    );
    const input = [...names, ...addresses6].map((target) => `${target} 80 40 again\n`).join('');
    for (const { host, name } of webs) {
      const answers = await bed.host(host).run(['net', 'exec', name, '--', 'python3', reach], { input });
      expect(answers.split('\n'), `reached by ${name}`).toEqual([...names, ...names]);
    }
  });

  test('names have the addresses of both families', async () => {
    const h2 = bed.host('h2');
    for (const [type, family] of [
      ['A', 4],
      ['AAAA', 6],
    ] as const) {
      const address = await addressOf(bed.host('h1'), 'h1a', 'eth0', family);
      expect(await resolve(h2, 'h2a', 'h1a', type)).toEqual([address]);
    }
  });

  test('every host knows exactly the endpoints of the others, and no address is given twice', async () => {
    await expectEntriesAsRecorded(bed, 'lab');
    const records = await recordsOf(bed, await networkIdOf(bed.host('h1'), 'lab'));
    const addresses = records.flatMap((record) => record.addresses);
    expect(addresses.length).toBe(2 * webs.length);
    expect(new Set(addresses).size).toBe(addresses.length);
  });

  test('packets as large as the network takes arrive, both ways', async () => {
    const [sender, receiver] = [bed.host('h1'), bed.host('h3')];
    expect(await sender.net('exec', 'h1a', '--', 'cat', '/sys/class/net/eth0/mtu')).toBe(String(mtu));
    const bytes = 2_000_000;
    const sink = receiver.spawnNet('exec', 'h3a', '--', 'socat', '-u', 'TCP6-LISTEN:900,ipv6only=0', '-');
    const send = `head -c ${bytes} /dev/zero | socat -u - TCP:h3a:900,retry=50,interval=0.1`;
    await sender.net('exec', 'h1a', '--', 'bash', '-c', send);
    expect((await sink.ended).stdout.length).toBe(bytes);
  });

  test('inspect shows who is on a network elsewhere, and on which host', async () => {
    const text = await bed.host('h1').net('inspect', 'lab');
    const { body } = await askApi(bed.host('h1'), 'GET', '/networks/lab');
    const elsewhere = webs.filter(({ host }) => host !== 'h1');
    expect(
      body.peers
        .map(({ name, hostName }: { name: string; hostName: string }) => ({ host: hostName, name }))
        .sort((a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name)),
    ).toEqual(elsewhere);
    for (const { host, name } of elsewhere) {
      expect(text).toMatch(new RegExp(`\\b${name}\\b.*\\b${host}\\b`));
    }
  });

  test('the status of the cluster lists its hosts', async () => {
    for (const name of bed.names) {
      const status = await bed.host(name).netJson<ClusterView>('cluster', 'status');
      expect(status).toMatchObject({
        state: 'joined',
        hostName: name,
        address: bed.address(name),
        unpublished: 0,
        unusable: [],
      });
      const members = status.members.map((member) => [
        member.name,
        member.address,
        member.alive,
        member.self,
      ]);
      expect(members.sort()).toEqual(
        bed.names.map((other) => [other, bed.address(other), true, other === name]),
      );
    }
  });

  test('check finds nothing anywhere', async () => {
    for (const name of bed.names) await bed.host(name).net('check');
  });
});

describe('a network over three hosts', () => {
  let bed: ClusterBed;

  beforeAll(async () => {
    bed = await ClusterBed.start();
    await bed.netds();
    await bed.host('h1').net('create', '-d', 'overlay', '--ipv6', 'lab');
    await untilEverywhere(bed, 'lab');
  });
  afterAll(() => bed[Symbol.asyncDispose]());

  test('a published port answers other hosts and who is in no cluster', async () => {
    await startServer(bed.host('h2'), 'web', '--network', 'lab', '-p', '8080:80');
    for (const asker of ['h1', 'h3', 'outside']) {
      const host = bed.host(asker);
      const { underlay } = bed;
      expect(await ask({ host }, underlay.address('h2'), 8080)).toEqual({
        server: 'web',
        asker: underlay.address(asker),
      });
      expect(await ask({ host }, underlay.address6('h2'), 8080)).toEqual({
        server: 'web',
        asker: underlay.address6(asker),
      });
    }
  });

  test('what leaves the network has the address of the host it leaves', async () => {
    const server = startHostServer(bed.host('outside'), 'outside', 8000);
    await bed.host('h1').net('run', '-d', '--name', 'asker', '--network', 'lab', '--', 'sleep', 'infinity');
    for (const [host, sandbox] of [
      ['h1', 'asker'],
      ['h2', 'web'],
    ] as const) {
      const place = { host: bed.host(host), sandbox };
      expect(await ask(place, bed.underlay.address('outside'), 8000)).toEqual({
        server: 'outside',
        asker: bed.underlay.address(host),
      });
    }
    await server.end('SIGTERM');
  });

  test('a network is not deleted while others are on it, who are named', async () => {
    const { status, stderr } = await bed.host('h3').tryNet('rm', 'lab');
    expect(status).toBe(1);
    expect(stderr).toMatch(/\bh1\b/);
    expect(stderr).toMatch(/\basker\b/);
    expect(stderr).toMatch(/\bh2\b/);
    expect(stderr).toMatch(/\bweb\b/);
    await expectEntriesAsRecorded(bed, 'lab');
  });

  test('the last endpoint of a host takes bridge, tunnel and blocks of addresses along', async () => {
    const h1 = bed.host('h1');
    const id = await networkIdOf(h1, 'lab');
    const { hostId } = await h1.netJson<ClusterView>('cluster', 'status');
    const blocks = async () =>
      (await bed.etcdctl('get', '--prefix', '--print-value-only', `/fairlead/v1/net/${id}/block/`)).split(
        '\n',
      );
    expect((await blocks()).filter((block) => block.includes(hostId ?? 'none'))).not.toEqual([]);
    await h1.net('sandbox', 'rm', '--force', 'asker');
    const links = await h1.run(['ip', '-brief', 'link', 'show']);
    expect(links).not.toContain(linksOf(id).bridge);
    expect(links).not.toContain(linksOf(id).tunnel);
    await waitUntil('its blocks are given back', async () =>
      (await blocks()).every((block) => !block.includes(hostId ?? 'none')),
    );
    expect((await blocks()).length).toBeGreaterThan(0);
    await expectEntriesAsRecorded(bed, 'lab');
  });

  test('a deleted network is soon gone everywhere, and leaves nothing in the store', async () => {
    const id = await networkIdOf(bed.host('h1'), 'lab');
    await bed.host('h2').net('sandbox', 'rm', '--force', 'web');
    await bed.host('h3').net('rm', 'lab');
    for (const name of bed.names) {
      await waitUntil(`it is gone from ${name}`, async () => {
        const { status } = await askApi(bed.host(name), 'GET', '/networks/lab');
        return status === 404;
      });
    }
    expect((await bed.keys()).filter((key) => key.includes(id))).toEqual([]);
  });

  test('of several who make a network of one name at once, one wins and the others are told', async () => {
    await expectOneWinner((host) => bed.host(host).tryNet('create', '-d', 'overlay', 'twice'), /twice/);
    const listed = bed.names.map((name) => bed.host(name).net('ls', '-q', '-f', 'name=twice'));
    const ids = await Promise.all(listed);
    expect(new Set(ids).size).toBe(1);
  });

  test('so with one VNI', async () => {
    await expectOneWinner(
      (host) => bed.host(host).tryNet('create', '-d', 'overlay', '-o', 'vni=777', `vni-${host}`),
      /777.*network vni-h\d|network vni-h\d.*777/,
    );
  });

  test('so with subnets that overlap', async () => {
    const subnets = ['10.77.0.0/16', '10.77.3.0/24', '10.77.0.0/20'];
    await expectOneWinner((host) => {
      const subnet = subnets[bed.names.indexOf(host)] ?? '';
      return bed.host(host).tryNet('create', '-d', 'overlay', '--subnet', subnet, `subnet-${host}`);
    }, /10\.77\..*network subnet-h\d/);
  });

  /** All at once; those who lose fail with a message like this. */
  async function expectOneWinner(make: (host: string) => Promise<CommandResult>, refusal: RegExp) {
    const results = await Promise.all(bed.names.map(make));
    const losers = results.filter(({ status }) => status !== 0);
    expect(results.length - losers.length, losers.map(({ stderr }) => stderr).join('')).toBe(1);
    for (const { status, stderr } of losers) {
      expect(status).toBe(1);
      expect(stderr).toMatch(refusal);
    }
  }
});
