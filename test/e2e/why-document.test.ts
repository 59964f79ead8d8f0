// The examples of docs/why.md are run as written, and print what stands there.
import { test } from 'vitest';
import { expectAsWritten } from '../support/console-blocks.ts';
import { TestHost } from '../support/test-host.ts';

test('the examples of docs/why.md print what stands there', async () => {
  await using host = await TestHost.start('host');
  await using outside = await TestHost.start('outside');
  await host.plug('eth0', outside);
  await outside.shell('ip address add 192.0.2.9/24 dev eth0; ip link set eth0 up');
  await host.shell(`
    ip address add 192.0.2.1/24 dev eth0
    ip link set eth0 up`);
  await host.netd();
  await expectAsWritten({ document: 'docs/why.md', heading: '## Examples' }, (command) =>
    host.attempt(['bash', '-c', command]),
  );
  await host.net('check');
});
