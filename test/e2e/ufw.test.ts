// Networks beside ufw, whose rules drop what is forwarded and most of what the host is asked.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fromHost, fromSandbox, whoAnswers } from '../support/engines/web.ts';
import { FirewalledHost } from '../support/firewalled-host.ts';
import { waitUntil } from '../support/wait-until.ts';

let bed: FirewalledHost;

beforeAll(async () => {
  bed = await FirewalledHost.start();
  await bed.host.shell('mount -t tmpfs tmpfs /var/log; ufw --force enable');
});
afterAll(() => bed?.[Symbol.asyncDispose]());

const rules = (table: string) => bed.host.run([table, '-S']);
const tables = ['iptables', 'ip6tables'] as const;
const states = () => Promise.all(tables.map(rules));

test('networks get past it, whatever becomes of it, and leave nothing there', {
  timeout: 180_000,
}, async () => {
  const before = await states();
  await bed.startNetd();
  expect(await states()).toEqual(before);
  await bed.makeNetwork();
  await bed.expectTraffic();
  const during = await states();
  for (const command of ['ufw reload', 'ufw default reject incoming', 'ufw default deny incoming']) {
    await bed.host.shell(command);
    await bed.expectTraffic();
  }
  await bed.host.shell('ufw disable');
  await bed.expectTraffic();
  await bed.host.shell('ufw --force enable');
  await bed.expectTraffic();
  await bed.netd.kill9();
  await bed.host.shell('ufw reload');
  await bed.startNetd();
  await bed.expectTraffic();
  expect((await states()).map(ours)).toEqual(during.map(ours));
  await bed.removeNetwork();
  expect((await states()).join()).not.toContain('FAIRLEAD');
});

test('what an administrator denies to networks stays denied', async () => {
  await bed.makeNetwork();
  const [outside, asker] = [fromHost(bed.outside), fromSandbox(bed.host, 'asker')];
  await bed.host.run(['ufw', 'route', 'deny', 'from', bed.outsideAddress]);
  expect(await whoAnswers(asker, bed.outsideAddress)).toMatchObject({ server: 'outside' });
  expect((await outside(`${bed.address}:8080`)).stdout).toBe('');
  await bed.host.run(['ufw', 'route', 'delete', 'deny', 'from', bed.outsideAddress]);
  await waitUntil('it is open again', async () => (await outside(`${bed.address}:8080`)).stdout !== '');
  await bed.removeNetwork();
});

test('networks of the iptables backend get past it as well', async () => {
  await bed.stopNetd();
  await bed.startNetd('--firewall', 'iptables');
  await bed.makeNetwork();
  await bed.expectTraffic();
  await bed.host.shell('ufw reload');
  await bed.expectTraffic();
  await bed.removeNetwork();
});

/** Chains are printed in the order they were made. */
function ours(text: string): readonly string[] {
  return text
    .split('\n')
    .filter((line) => line.includes('FAIRLEAD'))
    .sort();
}
