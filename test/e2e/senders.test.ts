// Processes that send with addresses of others: nobody hears them, unless their network is made for it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backends } from '../kernel/firewall/backends.ts';
import { addressOf } from '../support/peers.ts';
import { TestHost } from '../support/test-host.ts';
import { waitUntil } from '../support/wait-until.ts';

/** Prints who sent what to port 9, up to what it waits for. */
const listener = `
import socket
here = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
here.bind(("", 9))
print("listening", flush=True)
text = ""
while text != "honest":
    data, (asker, _) = here.recvfrom(2048)
    text = data.decode()
    print(text, asker, flush=True)
`;

const forgedMac = '02:99:00:00:00:09';

/**
 * From an IP address that is given, from a MAC address to whoever is next on the cable, then from its own, by one processor and so
 * in this order.
 */
const forger = `
import os, signal, socket, sys
to, forged = sys.argv[1:]
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
honest = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
honest.sendto(b"first", (to, 9))
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
data = b"forged"
header = bytes([0x45, 0, 0, 28 + len(data), 0, 0, 0, 0, 64, 17, 0, 0])
ends = socket.inet_aton(forged) + socket.inet_aton(to)
datagram = bytes([0, 9, 0, 9, 0, 8 + len(data), 0, 0]) + data
raw.sendto(header + ends + datagram, (to, 9))
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind(("eth0", 0))
nearest = bytes.fromhex("0180c200000e")
wire.send(nearest + bytes.fromhex("${forgedMac.replaceAll(':', '')}") + bytes.fromhex("88b5") + bytes(46))
honest.sendto(b"honest", (to, 9))
# With its interface the bridge would forget what it has learned from it.
signal.pause()
`;

const missing = backends.find(({ name }) => name === 'iptables-nft')?.missing;

describe.for([
  { backend: 'nftables', reason: undefined },
  { backend: 'iptables', reason: missing },
])('with $backend', ({ backend, reason }) => {
  describe.skipIf(reason !== undefined)(reason ?? 'here', () => {
    let host: TestHost;
    beforeAll(async () => {
      host = await TestHost.start();
      await host.netd('--firewall', backend);
    });
    afterAll(() => host?.[Symbol.asyncDispose]());

    test.for([
      { network: 'guarded', options: [], forged: false },
      { network: 'free', options: ['-o', 'anti_spoofing=false'], forged: true },
    ])('on network $network a forged address is heard: $forged', async ({ network, options, forged }) => {
      await host.net('create', ...options, network);
      const name = `listener-${network}`;
      await host.net('run', '-d', '--name', name, '--network', network, 'python3', '-c', listener);
      const lines = async () => (await host.net('logs', name)).split('\n');
      await waitUntil('it listens', async () => (await lines()).includes('listening'));
      const listens = await addressOf(host, name);
      const gateway = listens.replace(/\d+$/, '1');
      await host.net(
        'run',
        '-d',
        '--name',
        'forger',
        '--network',
        network,
        'python3',
        '-c',
        forger,
        listens,
        gateway,
      );
      const heard = await waitUntil('all is heard', async () => {
        const texts = await lines();
        return texts.some((line) => line.startsWith('honest')) && texts;
      });
      expect(heard.filter((line) => line.startsWith('forged'))).toEqual(forged ? [`forged ${gateway}`] : []);
      const table = await host.run(['bridge', 'fdb', 'show']);
      expect(table.includes(forgedMac)).toBe(forged);
      await host.net('sandbox', 'rm', '-f', 'forger');
      expect(await host.tryNet('check')).toMatchObject({ status: 0 });
    });

    test('what somebody flushed is guarded again, and nothing is left of endpoints that are gone', async () => {
      await host.run(['nft', 'flush', 'ruleset']);
      await waitUntil('it is repaired', async () => (await host.tryNet('check')).status === 0);
      for (const network of ['guarded', 'free']) await host.net('sandbox', 'rm', `listener-${network}`);
      const table = await host.run(['nft', 'list', 'table', 'bridge', 'fairlead']);
      expect(table).not.toMatch(/elements|hook/);
    });
  });
});
