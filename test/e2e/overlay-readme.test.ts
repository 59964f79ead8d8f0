// The README's network over several hosts is made as written, and prints what the README says.
import { test } from 'vitest';
import { ClusterBed } from '../support/cluster-bed.ts';
import { expectAsWritten, type RunCommand } from '../support/console-blocks.ts';

test('several hosts, as the README has them', async () => {
  await using bed = await ClusterBed.start();
  await bed.netds();
  // As ssh(1) does: what is left of the words after one shell is read by another, on the host.
  const run: RunCommand = (command) => {
    const [, host = '', words = ''] = /^ssh (\S+) (.*)$/.exec(command) ?? [];
    return bed.host(host).attempt(['bash', '-c', `set -- ${words}; exec bash -c "$*"`]);
  };
  await expectAsWritten({ document: 'README.md', heading: '## Several hosts' }, run);
  for (const name of bed.names) await bed.host(name).net('check');
});
