// One test file at a time may have the tables `fairlead`: a network namespace has one of each family, and the suite's files share
// one.
import { createServer, type Server } from 'node:net';
import { tableName } from '../../../src/firewall/nftables/layout.ts';
import { Batch } from '../../../src/kernel/nftables/batch.ts';
import { commit, getTable } from '../../../src/kernel/nftables/client.ts';
import { requireOwnNetwork } from '../../support/own-network.ts';
import { waitUntil } from '../../support/wait-until.ts';

/** Waits for its turn. To be called in `beforeAll`; disposing removes the table and lets the next file go on. */
export async function takeTable(): Promise<AsyncDisposable> {
  requireOwnNetwork();
  // Names in the abstract namespace belong to a network namespace, and end with the process that holds them.
  const turn = await waitUntil('the table is free', () => listen('\0fairlead-test-table'), {
    timeoutMs: 120_000,
  });
  await removeTable();
  return {
    async [Symbol.asyncDispose]() {
      await removeTable();
      turn.close();
    },
  };
}

export async function removeTable(): Promise<void> {
  for (const family of ['inet', 'bridge'] as const) {
    if ((await getTable(tableName, family)) !== undefined)
      await commit(new Batch(tableName, family).deleteTable());
  }
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(path, () => resolve(server));
  });
}
