// Networks beside firewalld, which rejects what comes from or goes to a bridge it does not know.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HostFirewalld } from '../support/firewalld.ts';
import { FirewalledHost } from '../support/firewalled-host.ts';
import { waitUntil } from '../support/wait-until.ts';

let bed: FirewalledHost;
let firewalld: HostFirewalld;

beforeAll(async () => {
  bed = await FirewalledHost.start();
  firewalld = await HostFirewalld.start(bed.host);
});
afterAll(() => bed?.[Symbol.asyncDispose]());

const interfaces = () => firewalld.run('--zone=fairlead', '--list-interfaces');

test('networks get past it, whatever becomes of it, and leave its zone empty', {
  timeout: 180_000,
}, async () => {
  await bed.startNetd();
  expect(await firewalld.run('--get-zones')).not.toContain('fairlead');
  await bed.makeNetwork();
  expect(await interfaces()).toBe('fl-+');
  await bed.expectTraffic();
  for (const reload of ['--reload', '--complete-reload']) {
    await firewalld.run(reload);
    await bed.expectTraffic();
  }
  await firewalld.stop();
  await bed.expectTraffic();
  await firewalld.start();
  await waitUntil('the bridges are back in the zone', async () => (await interfaces()) === 'fl-+');
  await bed.expectTraffic();
  await firewalld.run('--zone=fairlead', '--remove-interface=fl-+');
  await waitUntil('the bridges are back in the zone', async () => (await interfaces()) === 'fl-+');
  await bed.netd.kill9();
  await firewalld.run('--zone=fairlead', '--remove-interface=fl-+');
  await bed.startNetd();
  await bed.expectTraffic();
  await bed.host.shell('nft flush ruleset');
  await bed.expectTraffic();
  await firewalld.stop();
  await firewalld.start();
  await waitUntil('the bridges are back in the zone', async () => (await interfaces()) === 'fl-+');
  await bed.removeNetwork();
  expect(await interfaces()).toBe('');
});

test('what sandboxes may ask of the host is for the zone to say', async () => {
  await bed.makeNetwork();
  bed.host.spawn(['socat', 'TCP4-LISTEN:7777,fork,reuseaddr', 'EXEC:echo open']);
  const ask = ['sh', '-c', 'socat -u TCP4:10.71.0.1:7777,connect-timeout=1 -'];
  const answer = async () => (await bed.host.tryNet('exec', 'asker', '--', ...ask)).stdout.trim();
  expect(await answer()).toBe('');
  await firewalld.run('--zone=fairlead', '--add-port=7777/tcp');
  await waitUntil('the port is open', async () => (await answer()) === 'open');
  await bed.removeNetwork();
});
