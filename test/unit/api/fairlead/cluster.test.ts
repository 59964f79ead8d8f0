import { describe, expect, test } from 'vitest';
import { NetError } from '../../../../src/base/errors.ts';
import { joinedCluster, otherHost, samplePeer } from '../../../support/cluster-sample.ts';
import { testApi } from '../../../support/test-api.ts';

test('the cluster is told of as the core sees it', async () => {
  const { call, controller } = testApi();
  expect(await call('GET', '/cluster')).toMatchObject({ status: 200, body: { state: 'alone', members: [] } });
  controller.clusterView = joinedCluster;
  expect(await call('GET', '/cluster')).toEqual({ status: 200, body: joinedCluster });
});

describe('an inspected network', () => {
  test('of several hosts has its peers, each with its host', async () => {
    const { call, controller } = testApi();
    const { id } = await controller.createNetwork({ name: 'wide' });
    const peer = samplePeer('web', '10.209.3.9/24');
    controller.share('wide', [peer]);
    expect((await call('GET', '/networks/wide')).body).toMatchObject({
      id,
      shared: true,
      endpoints: [],
      peers: [
        {
          id: peer.id,
          name: 'web',
          hostId: otherHost.id,
          hostName: 'beta',
          hostAddress: '192.0.2.2',
          mac: peer.mac,
          addresses: ['10.209.3.9/24'],
        },
      ],
    });
  });

  test('of this host alone has neither peers nor an error about them', async () => {
    const { call, controller } = testApi();
    await controller.createNetwork({ name: 'lab' });
    const { body } = await call('GET', '/networks/lab');
    expect(body).not.toHaveProperty('peers');
    expect(body).not.toHaveProperty('peersError');
  });

  test('is answered with the reason when its peers cannot be read', async () => {
    const { call, controller } = testApi();
    await controller.createNetwork({ name: 'wide' });
    controller.share('wide', new NetError('unavailable', 'etcd does not answer'));
    const { status, body } = await call('GET', '/networks/wide');
    expect({ status, body }).toMatchObject({ status: 200, body: { peersError: 'etcd does not answer' } });
    expect(body).not.toHaveProperty('peers');
  });

  test('is refused when reading its peers shows a fault of the daemon', async () => {
    const { call, controller } = testApi();
    await controller.createNetwork({ name: 'wide' });
    controller.share('wide', new NetError('internal', 'a record is not JSON'));
    expect((await call('GET', '/networks/wide')).status).toBe(500);
  });
});
