// What the kernel says against a removal when the link is gone already.
import { expect, test, vi } from 'vitest';
import { NetlinkError } from '../../../src/kernel/netlink/error.ts';
import { runProgram, type runReaper } from '../../../src/kernel/program.ts';
import { findLink, request } from '../../../src/kernel/rtnetlink/client.ts';
import { createLink } from '../../../src/kernel/rtnetlink/link.ts';
import { LinkReaper } from '../../../src/sandbox/link-reaper.ts';
import { requireOwnNetwork } from '../../support/own-network.ts';

/** No kernel does this on demand: the deletion is real, and its end is bad. */
vi.mock(import('../../../src/kernel/program.ts'), async (importOriginal) => {
  const real = await importOriginal();
  const failing: typeof runReaper = async (...program) => {
    await real.runReaper(...program);
    await vi.waitUntil(async () => told);
    throw new NetlinkError({ errno: 105, step: 0 });
  };
  return { ...real, runReaper: failing };
});

let told = false;

test('a failure after the link was gone is told when the reaper is closed, once', async () => {
  requireOwnNetwork();
  await runProgram([request('host', createLink({ kind: 'veth', name: 'rp0', peer: { name: 'rp0p' } }))]);
  const reaper = new LinkReaper();
  await reaper.remove('rp0');
  expect(await findLink({ name: 'rp0' })).toBeUndefined();
  told = true;
  await expect(reaper.close()).rejects.toMatchObject({ errors: [{ code: 'ENOBUFS' }] });
  await reaper.close();
});
