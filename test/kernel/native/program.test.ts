// Programs on the netlink thread, against the kernel. Runs in a network namespace of its own.
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NetlinkError } from '../../../src/kernel/netlink/error.ts';
import {
  createPinnedNamespace,
  type Namespace,
  openHostNamespace,
  openNamespace,
  unpinNamespace,
} from '../../../src/kernel/netns.ts';
import { dump, runProgram, runReaper } from '../../../src/kernel/program.ts';
import { readSysctl, writeSysctl } from '../../../src/kernel/sysctl.ts';
import { makePinDirectory, removePinDirectory } from './pin-directory.ts';
import { createVeth, deleteLink, dumpLinks, getLink, linkNames } from './wire.ts';

let directory: string;
let path: string;
let namespace: Namespace;

beforeEach(async () => {
  directory = makePinDirectory();
  path = join(directory, 'a');
  await createPinnedNamespace(path, { disableIpv6: false });
  namespace = await openNamespace({ path });
});

afterEach(async () => {
  for (const name of linkNames(await dump('host', dumpLinks()))) {
    if (name.startsWith('ftest')) await runReaper([deleteLink(name)]).catch(ignoreGone);
  }
  namespace.close();
  await unpinNamespace(path);
  removePinDirectory(directory);
});

/** The other end of a pair that was just deleted. */
function ignoreGone(error: unknown): void {
  if (!(error instanceof NetlinkError && error.code === 'ENODEV')) throw error;
}

async function failure(promise: Promise<unknown>): Promise<NetlinkError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof NetlinkError) return error;
  throw new Error('expected a NetlinkError', { cause: error });
}

describe('requests', () => {
  test('a veth pair is made with its peer inside another namespace', async () => {
    await runProgram([createVeth('ftest0', 'inner0', namespace.fd)]);
    expect(linkNames(await dump('host', dumpLinks()))).toContain('ftest0');
    expect(linkNames(await dump('namespace', dumpLinks(), namespace)).sort()).toEqual(['inner0', 'lo']);
  });

  test('a request gets its answer besides the acknowledgement', async () => {
    const replies = await runProgram([createVeth('ftest0', 'ftest1'), getLink('ftest0'), getLink('ftest1')]);
    expect(replies.map(({ messages }) => linkNames(messages))).toEqual([[], ['ftest0'], ['ftest1']]);
  });
});
