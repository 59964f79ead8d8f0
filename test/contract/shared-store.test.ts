import { afterAll } from 'vitest';
import { openEtcd } from '../../src/cluster/etcd/etcd-store.ts';
import { EtcdServers } from '../support/etcd-server.ts';
import { simulateStore } from '../support/simulated-store.ts';
import { sharedStoreContract } from './shared-store.ts';

let starting: Promise<EtcdServers> | undefined;
afterAll(async () => (await starting)?.[Symbol.asyncDispose]());

sharedStoreContract('the store in etcd', async () => {
  starting ??= EtcdServers.start();
  const servers = await starting;
  const { addresses } = servers;
  const store = await openEtcd({ addresses, tls: false, prefix: '/fairlead', onError: () => {} });
  await store.write([], [{ deleteBelow: '' }]);
  return {
    store,
    async compact() {
      const { revision } = await store.get('/');
      await servers.ctl(['compact', String(revision)]);
    },
    stop: () => servers.killAll(),
    restart: () => servers.startAll(),
    [Symbol.asyncDispose]: () => store.close(),
  };
});

/** So much faster does time pass for simulated machines. */
const haste = 10;

sharedStoreContract('the simulated store', async () => {
  const { store, server, time } = simulateStore();
  const startedAt = performance.now();
  let isOpen = true;
  const passTime = async (): Promise<void> => {
    await time.run((performance.now() - startedAt) * haste - time.nowMs);
    if (isOpen) setTimeout(passTime, 0);
  };
  const passing = passTime();
  return {
    store,
    compact: async () => server.compact(),
    stop: async () => server.restart(Number.MAX_SAFE_INTEGER),
    restart: async () => server.restart(1),
    async [Symbol.asyncDispose]() {
      isOpen = false;
      await passing;
    },
  };
});
