// docs/rules shows the live rules of a sample host. After a change of the rules: run this test with `-u`, and read the difference.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { IpAddress } from '../../../src/base/cidr.ts';
import { NftablesFirewall } from '../../../src/firewall/nftables/nftables.ts';
import type { NetworkPolicy } from '../../../src/model/policy.ts';
import { run } from '../../support/own-network.ts';
import { addressOf, endpointPolicy, forward, networkPolicy, opening } from './lan.ts';
import { takeTable } from './own-table.ts';

const firewall = new NftablesFirewall();
let table: AsyncDisposable;
beforeAll(async () => {
  table = await takeTable();
}, 130_000);
afterAll(async () => {
  await firewall.close();
  await table?.[Symbol.asyncDispose]();
});

const samples: readonly { what: string; policy: NetworkPolicy }[] = [
  { what: 'a plain network', policy: networkPolicy(1, { ifname: 'fl-plain' }) },
  { what: 'an internal network', policy: networkPolicy(2, { ifname: 'fl-internal', internal: true }) },
  {
    what: 'a network whose endpoints are kept apart (`icc=false`), which trusts `wg0` and leaves with an address of its own over IPv4 and with their own over IPv6',
    policy: networkPolicy(3, {
      ifname: 'fl-apart',
      icc: false,
      trustedInterfaces: ['wg0'],
      source: { ipv4: { address: '192.0.2.7' as IpAddress }, ipv6: 'keep' },
    }),
  },
  {
    what: 'a network whose endpoints may be reached by their own addresses over IPv6 (`gateway_mode_ipv6=nat-unprotected`)',
    policy: networkPolicy(4, { ifname: 'fl-open', direct: { ipv4: 'none', ipv6: 'all' } }),
  },
  {
    what: 'a network of interfaces somebody else made (driver `foreign`)',
    policy: networkPolicy(5, {
      ifname: 'cni0',
      direct: { ipv4: 'all', ipv6: 'all' },
      source: { ipv4: 'keep', ipv6: 'keep' },
    }),
  },
  {
    what: 'a network whose packets are routed as they are (`gateway_mode_ipv4=routed`, `gateway_mode_ipv6=routed`)',
    policy: networkPolicy(6, {
      ifname: 'fl-routed',
      direct: { ipv4: 'ports', ipv6: 'ports' },
      source: { ipv4: 'keep', ipv6: 'keep' },
    }),
  },
  {
    what: 'a network routed over IPv6 alone, whose endpoints are kept apart (`gateway_mode_ipv6=routed`, `icc=false`)',
    policy: networkPolicy(7, {
      ifname: 'fl-half',
      icc: false,
      direct: { ipv4: 'none', ipv6: 'ports' },
      source: { ipv4: 'masquerade', ipv6: 'keep' },
    }),
  },
  {
    what: 'an internal network on which the host has no address (`gateway_mode_ipv4=isolated`, `gateway_mode_ipv6=isolated`): the rules are those of any internal network',
    policy: networkPolicy(8, {
      ifname: 'fl-isolated',
      internal: true,
      source: { ipv4: 'keep', ipv6: 'keep' },
    }),
  },
];

const ports = [
  forward(8080, addressOf(1, 2)),
  forward(8080, addressOf(1, 2, 6)),
  forward(5432, addressOf(1, 3), { port: 5432, hostAddress: '127.0.0.1' as IpAddress }),
  forward(8081, addressOf(5, 2)),
  forward(53, addressOf(3, 2, 6), { protocol: 'udp', port: 53, keepSource: false }),
  opening(addressOf(6, 2)),
  opening(addressOf(6, 2, 6)),
  opening(addressOf(7, 2, 6), { protocol: 'udp', port: 53 }),
];

test('the document shows the rules of a sample host as they are', async () => {
  await firewall.replace({
    networks: samples.map(({ policy }) => policy),
    endpoints: [endpointPolicy('all', 1, ports)],
  });
  const rules = withSortedElements(run('nft list table inet fairlead')).replace(/ # progname .*/, '');
  const networks = samples.map(
    ({ what, policy }) => `- \`${policy.ifname}\` (${policy.subnets.join(', ')}): ${what}`,
  );
  const published = ports.map(({ hostAddress, hostPort, protocol, address, port, keepSource }) =>
    hostAddress === address
      ? `- ${port}/${protocol} is open at ${address}`
      : `- ${hostPort}/${protocol} on ${hostAddress} leads to ${address} port ${port}${keepSource ? '' : '; the answers would leave by another network, so the asker’s address is replaced'}`,
  );
  const document = [
    '# The nftables backend',
    'What `nft list table inet fairlead` prints on a host with these networks:',
    networks.join('\n'),
    'and these published ports:',
    published.join('\n'),
    `\`\`\`\n${rules.trimEnd()}\n\`\`\`\n`,
  ].join('\n\n');
  await expect(document).toMatchFileSnapshot('../../../docs/rules/nftables.md');
});

/** The kernel lists the elements of a hash table in any order. */
function withSortedElements(text: string): string {
  return text.replace(/elements = \{ ([^}]*) \}/g, (_, list: string) => {
    const elements = list.split(',').map((element) => element.trim());
    return `elements = { ${elements.sort().join(',\n\t\t\t     ')} }`;
  });
}
