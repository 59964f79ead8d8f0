// What netd changes of the host's own settings: nothing on a fresh host, and with the last network everything is as it was.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestHost } from '../support/test-host.ts';

let host: TestHost;

beforeAll(async () => {
  host = await TestHost.start();
  await host.shell('ip link add uplink type bridge; ip link set uplink up');
});
afterAll(() => host?.[Symbol.asyncDispose]());

/** All of the network, apart from those of our own interfaces and what counts, or is chosen, by itself. */
async function settings(): Promise<string> {
  const passing = 'nf_conntrack|stable_secret|random|dirty|/fl-|\\.fl-|\\.fv|mtu_expires|gc_|flush';
  return host.shell(`sysctl -a -r '^net\\.' 2>/dev/null | grep -vE '${passing}' || true`);
}

const note = 'note: sysctl net.ipv4.ip_forward: was 0, and is 1 for as long as a network needs it';

test('a fresh netd changes nothing, and what networks change is given back with the last', async () => {
  const before = await settings();
  let netd = await host.netd();
  expect(await settings()).toBe(before);
  expect(await host.net('check')).toBe('');

  await host.net('create', '--ipv6', 'lab');
  expect(await host.run(['sysctl', '-n', 'net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding'])).toBe(
    '1\n1',
  );
  expect((await host.net('check')).split('\n')).toContain(note);
  await netd.kill9();
  netd = await host.netd();
  expect((await host.net('check')).split('\n')).toContain(note);
  await host.net('rm', 'lab');
  expect(await settings()).toBe(before);
  expect(await host.net('check')).toBe('');

  await host.net('run', '-d', '--name', 'on-bridge', '--', 'sleep', 'infinity');
  expect(await host.run(['sysctl', '-n', 'net.ipv4.ip_forward'])).toBe('1');
  await host.net('create', '--internal', 'inner');
  await host.net('sandbox', 'rm', '-f', 'on-bridge');
  // The next run may come soon.
  expect(await host.run(['sysctl', '-n', 'net.ipv4.ip_forward'])).toBe('1');
  await netd.stop();
  expect(await settings()).toBe(before);
});

test('what somebody else sets meanwhile stays', async () => {
  const netd = await host.netd();
  await host.net('create', 'lab');
  await host.run(['sysctl', '-q', '-w', 'net.ipv4.ip_forward=0']);
  const { status, stdout } = await host.tryNet('check');
  expect({ status, stdout }).toMatchObject({
    status: 1,
    stdout: expect.stringContaining('host: does not forward IPv4 packets between interfaces\n'),
  });
  await host.net('check', '--fix');
  expect(await host.run(['sysctl', '-n', 'net.ipv4.ip_forward'])).toBe('1');
  await netd.stop();
});
