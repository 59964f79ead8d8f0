// A network over hosts by the doors of others: a container of a CNI runtime on one host, a plain process on another.
import { expect, test } from 'vitest';
import { ClusterBed } from '../support/cluster-bed.ts';
import { labConfiguration, untilEverywhere } from '../support/cluster-bed-lab.ts';
import { expectEntriesAsRecorded } from '../support/cluster-bed-tables.ts';
import { installNetwork } from '../support/engines/cni-plugins.ts';
import { CniRuntime } from '../support/engines/cni-runtime.ts';
import { ask, serverCommand, startServer } from '../support/peers.ts';

test('a CNI container and a process on another host find each other by name', async () => {
  await using bed = await ClusterBed.start({ hosts: 2 });
  await bed.netds();
  const [h1, h2] = [bed.host('h1'), bed.host('h2')];
  await h1.net('create', '-d', 'overlay', '--ipv6', 'lab');
  await untilEverywhere(bed, 'lab');
  await startServer(h1, 'web', '--network', 'lab');

  await installNetwork(h2, labConfiguration);
  const runtime = new CniRuntime(h2, labConfiguration);
  await runtime.makeNamespaces(['pod']);
  const { status, body, stderr } = await runtime.add('pod', {});
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  await expectEntriesAsRecorded(bed, 'lab');

  h2.spawn(['ip', 'netns', 'exec', 'pod', ...serverCommand('pod', 80)]);
  const [address = ''] = body.ips[0].address.split('/');
  expect((await ask({ host: h1, sandbox: 'web' }, address)).server).toBe('pod');
  expect((await ask({ host: h1, sandbox: 'web' }, 'pod')).server).toBe('pod');

  // What the runtime would write into the container's /etc/resolv.conf.
  const [server] = body.dns.nameservers;
  const found = await h2.run(['ip', 'netns', 'exec', 'pod', 'dig', '+short', `@${server}`, 'web', 'A']);
  expect((await ask({ host: h2, sandbox: 'pod' }, found)).server).toBe('web');

  expect((await runtime.delete('pod')).status).toBe(0);
  await expectEntriesAsRecorded(bed, 'lab');
});
