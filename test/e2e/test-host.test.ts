// The test support itself: throw-away hosts are separate, wired, and leave nothing.
import { readdirSync, readlinkSync } from 'node:fs';
import { expect, test } from 'vitest';
import { TestHost } from '../support/test-host.ts';
import { Topology } from '../support/topology.ts';
import { waitUntil } from '../support/wait-until.ts';

test('a host has its own name, its own loopback and nothing else', async () => {
  await using host = await TestHost.start('lonely');
  expect(await host.run(['hostname'])).toBe('lonely');
  const { links, namespaces } = await host.state();
  expect(links).toEqual([expect.stringMatching(/^lo /)]);
  expect(namespaces).toEqual(['']);
});

test('what a host writes to /etc, /opt, /run and /var/lib stays in it', async () => {
  await using writer = await TestHost.start();
  await using reader = await TestHost.start();
  const files = ['/etc/written', '/opt/written', '/run/written', '/var/lib/written'];
  await writer.run(['touch', ...files]);
  const { stdout } = await reader.attempt(['ls', ...files]);
  expect(stdout).toBe('');
});

test('hosts on one wire reach each other', async () => {
  await using topology = await Topology.start('one', 'two');
  const server = topology.host('two').spawn(['socat', '-u', 'TCP-LISTEN:80', 'STDOUT']);
  const client = await topology
    .host('one')
    .attempt(['socat', '-u', 'STDIN', `TCP:${topology.address('two')}:80,retry=50,interval=0.1`], {
      input: 'hello',
    });
  expect(client.status).toBe(0);
  expect((await server.ended).stdout).toBe('hello');
});

test('when a host is let go of, its processes and with them its namespaces are gone', async () => {
  const host = await TestHost.start();
  const namespace = namespaceOf(String(host.pid));
  host.spawn(['setsid', 'sleep', '1000']);
  // By process, not by namespace alone: the kernel gives the number of one that is gone to the next.
  const members = () =>
    readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && namespaceOf(pid) === namespace);
  const before = await waitUntil('the process runs', () => members().length > 1 && members());
  await host[Symbol.asyncDispose]();
  await waitUntil('they are gone', () => before.every((pid) => namespaceOf(pid) !== namespace));
});

function namespaceOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined;
  }
}
