// Whether a daemon that has ended left any record but what it starts with.
import { expect } from 'vitest';
import { openEmbeddedStore } from '../../src/store/embedded.ts';
import type { TestHost } from './test-host.ts';

const quiet = { warn() {}, error() {} };

export async function expectNoRecords(host: TestHost): Promise<void> {
  const directory = `/proc/${host.pid}/root/var/lib/fairlead`;
  const store = await openEmbeddedStore({ directory, log: quiet });
  try {
    const { networks, settings: _, ...others } = store.state;
    expect([...networks.values()].filter(({ builtin }) => !builtin)).toEqual([]);
    for (const [kind, records] of Object.entries(others)) expect([...records], kind).toEqual([]);
  } finally {
    await store.close();
  }
}
