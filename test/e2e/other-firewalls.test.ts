// Networks beside rules that have no place for others, and docs/firewalls.md as it is written.
import { expect, test } from 'vitest';
import { expectAsWritten, type RunCommand } from '../support/console-blocks.ts';
import { fromSandbox, whoAnswers } from '../support/engines/web.ts';
import { FirewalledHost } from '../support/firewalled-host.ts';
import { TestHost } from '../support/test-host.ts';

const document = 'docs/firewalls.md';

test('an own table of an administrator is left alone and told of, with what helps', async () => {
  await using bed = await FirewalledHost.start();
  const { host } = bed;
  await host.shell(`nft add table inet guard
    nft 'add chain inet guard forward { type filter hook forward priority 0; policy drop; }'`);
  const guard = () => host.run(['nft', 'list', 'table', 'inet', 'guard']);
  const before = await guard();
  await bed.startNetd();
  expect(await host.net('check')).toBe('');
  await bed.makeNetwork();
  expect(await guard()).toBe(before);
  expect((await fromSandbox(host, 'asker')(bed.outsideAddress)).stdout).toBe('');
  const { status, stdout } = await host.tryNet('check');
  expect(status).toBe(0);
  const [note = ''] = stdout
    .split('\n')
    .filter((line) => line.startsWith('note: nft chain inet guard forward: '));
  for (const command of note.slice(note.indexOf('nft insert')).split('; ')) {
    await host.shell(command);
  }
  expect(await host.net('check')).not.toContain('guard');
  expect(await whoAnswers(fromSandbox(host, 'asker'), bed.outsideAddress)).toMatchObject({
    server: 'outside',
  });
  await bed.expectTraffic();
  expect(bed.netd.process.stdout + bed.netd.process.stderr).toContain('nft chain inet guard forward drops');
});

test('rules of libvirt stay as they are, and two networks work beside them', async () => {
  await using bed = await FirewalledHost.start();
  const { host } = bed;
  // As libvirt makes them for its network `default` (src/network/network_iptables.c).
  await host.shell(`ip link add virbr0 type bridge
    ip address add 192.168.122.1/24 dev virbr0
    ip link set virbr0 up
    iptables -P FORWARD DROP
    for chain in FWO FWI FWX; do
      iptables -N LIBVIRT_$chain
      iptables -I FORWARD -j LIBVIRT_$chain
    done
    iptables -A LIBVIRT_FWI -o virbr0 -j REJECT
    iptables -A LIBVIRT_FWO -i virbr0 -j REJECT
    iptables -A LIBVIRT_FWX -i virbr0 -o virbr0 -j ACCEPT`);
  const rules = () => host.run(['iptables', '-S']);
  const before = await rules();
  await bed.startNetd();
  await bed.makeNetwork();
  await host.net('create', 'second');
  await host.net('connect', 'second', 'asker');
  await bed.expectTraffic();
  const others = (await rules()).split('\n').filter((line) => !line.includes('FAIRLEAD'));
  expect(others.join('\n')).toBe(before);
  const virtual = 'curl --silent --max-time 1 http://192.168.122.7/';
  expect((await host.tryNet('exec', 'asker', '--', 'sh', '-c', virtual)).status).toBe(7);
  await host.net('rm', '-f', 'second');
  await bed.removeNetwork();
  expect(await rules()).toBe(before);
});

test(`${document} is as it is written`, async () => {
  await using host = await TestHost.start();
  await host.shell('mount -t tmpfs tmpfs /var/log; ufw --force enable');
  const netd = await host.netd();
  const run: RunCommand = (command) => host.attempt(['bash', '-c', command]);
  await host.net('create', 'before');
  await expectAsWritten({ document, heading: '## ufw and iptables' }, run);
  await host.net('rm', 'before');
  await host.shell('ufw disable');
  await expectAsWritten({ document, heading: '## Your own nftables' }, run);
  await netd.stop();
});
