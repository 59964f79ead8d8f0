import { describe, expect, test } from 'vitest';
import { NetError } from '../../../../src/base/errors.ts';
import { joinedCluster, samplePeer } from '../../../support/cluster-sample.ts';
import { testCli } from '../../../support/test-cli.ts';

describe('net cluster status', () => {
  test('shows this host, the store, what is behind and the members', async () => {
    const { net, controller } = await testCli();
    controller.clusterView = joinedCluster;
    expect(await net('cluster', 'status')).toEqual({
      status: 0,
      stderr: '',
      stdout: `State:       joined: this host follows the others, and they follow it
Host:        alpha, aaaaaaaaaaaa, 192.0.2.1
Store:       http://192.0.2.9:2379, http://192.0.2.8:2379
Prefix:      /fairlead
Lease:       694d77aa, 30 seconds, renewed 4 seconds ago
Grace:       86400 seconds
Revision:    123, followed until 4 seconds ago
Unpublished: 1 endpoint
Unusable:    wide: VNI 4096 is taken by link vx0
Last error:  192.0.2.8:2379 does not answer (2030-01-01T00:00:00.000Z)

HOST ID        NAME    ADDRESS     STATE
aaaaaaaaaaaa   alpha   192.0.2.1   alive, this host
bbbbbbbbbbbb   beta    192.0.2.2   away
`,
    });
  });

  test('of a host that shares nothing is one line', async () => {
    const { net } = await testCli();
    const stdout = 'State: alone: nothing is shared with other hosts\n';
    expect(await net('cluster', 'status')).toEqual({ status: 0, stdout, stderr: '' });
  });

  test.each(['away', 'fenced', 'refused'] as const)('succeeds in state %s', async (state) => {
    const { net, controller } = await testCli();
    controller.clusterView = { ...joinedCluster, state };
    const { status, stdout } = await net('cluster', 'status');
    expect(status).toBe(0);
    expect(stdout).toMatch(new RegExp(`^State: +${state}: \\w`));
  });

  test('prints the shape of the API', async () => {
    const { net, controller } = await testCli();
    controller.clusterView = joinedCluster;
    const { stdout } = await net('cluster', 'status', '--format', 'json');
    expect(JSON.parse(stdout)).toEqual(joinedCluster);
  });
});

describe('net inspect of a network of several hosts', () => {
  test('shows who is on it elsewhere', async () => {
    const { net, controller } = await testCli();
    await controller.createNetwork({ name: 'wide' });
    controller.share('wide', [samplePeer('web', '10.209.3.9/24')]);
    expect((await net('inspect', 'wide')).stdout).toMatch(/^Peer: +web 10\.209\.3\.9\/24 on beta$/m);
  });

  test('says why that is not known', async () => {
    const { net, controller } = await testCli();
    await controller.createNetwork({ name: 'wide' });
    controller.share('wide', new NetError('unavailable', 'etcd does not answer'));
    const { status, stdout } = await net('inspect', 'wide');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^Peers: +not known: etcd does not answer$/m);
  });
});

describe('net graph of a network of several hosts', () => {
  test('draws who is on it elsewhere', async () => {
    const { net, controller } = await testCli();
    await controller.createNetwork({ name: 'wide' });
    await controller.createSandbox({ name: 'db' });
    await controller.connect({ network: 'wide', target: 'db' });
    controller.share('wide', [samplePeer('web', '10.209.3.9/24')]);
    expect((await net('graph')).stdout).toBe(
      `wide (overlay, 10.209.3.0/24)
├─ db eth0 10.209.3.2/24
└─ web 10.209.3.9/24 on beta
`,
    );
  });

  test('draws a box for each host, with edges to what is in it', async () => {
    const { net, controller } = await testCli();
    const peer = samplePeer('web', '10.209.3.9/24');
    for (const name of ['wide', 'wider']) {
      await controller.createNetwork({ name });
      controller.share(name, name === 'wide' ? [peer] : [samplePeer('db', '10.209.4.9/24')]);
    }
    const { stdout } = await net('graph', '--format', 'mermaid');
    const node = `e_${peer.id.slice(0, 12)}`;
    expect(stdout.match(/subgraph/g)).toHaveLength(1);
    expect(stdout).toContain(`  subgraph h_bbbbbbbbbbbb["beta"]\n    ${node}["web"]\n`);
    expect(stdout).toMatch(new RegExp(`^ {2}n_\\w{12} --- \\|"10\\.209\\.3\\.9/24"\\| ${node}$`, 'm'));
  });

  test('is drawn without them when they are not known, with a warning', async () => {
    const { net, controller } = await testCli();
    await controller.createNetwork({ name: 'wide' });
    controller.share('wide', new NetError('unavailable', 'etcd does not answer'));
    expect(await net('graph')).toEqual({
      status: 0,
      stdout: 'wide (overlay, 10.209.3.0/24)\n',
      stderr: 'net: network wide: other hosts: etcd does not answer\n',
    });
  });
});
