// docs/rules shows the live rules of a sample host. After a change of the rules: run this test with `-u`, and read the difference.
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Cidr, IpAddress } from '../../../src/base/cidr.ts';
import { IptablesFirewall } from '../../../src/firewall/iptables/iptables.ts';
import { NftablesFirewall } from '../../../src/firewall/nftables/nftables.ts';
import { SenderTable } from '../../../src/firewall/senders/sender-table.ts';
import type { AllowanceId, EndpointId } from '../../../src/model/ids.ts';
import type { AllowancePolicy, NetworkPolicy, PortForward, Sender } from '../../../src/model/policy.ts';
import { run } from '../../support/own-network.ts';
import { backends, removeAllRules } from './backends.ts';
import { addressOf as senderAddress, senderOf } from './cable.ts';
import { addressOf, endpointPolicy, forward, networkPolicy, opening } from './lan.ts';
import { takeTable } from './own-table.ts';

let table: AsyncDisposable;
beforeAll(async () => {
  table = await takeTable();
}, 130_000);
afterAll(async () => {
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

/** Ports published by one option each. */
const published: readonly (readonly PortForward[])[] = [
  [forward(8080, addressOf(1, 2))],
  [forward(8080, addressOf(1, 2, 6))],
  [forward(5432, addressOf(1, 3), { port: 5432, hostAddress: '127.0.0.1' as IpAddress })],
  [forward(8081, addressOf(5, 2))],
  [forward(53, addressOf(3, 2, 6), { protocol: 'udp', port: 53, keepSource: false })],
  [7000, 7001, 7002].map((port) => forward(port, addressOf(1, 2), { port })),
  [7100, 7101].map((port) => forward(port, addressOf(1, 2), { port, hostAddress: '127.0.0.1' as IpAddress })),
  [7200, 7201].map((port) => forward(port, addressOf(3, 2, 6), { protocol: 'udp', port, keepSource: false })),
  [forward(8443, addressOf(1, 2), { port: 443, from: ['10.0.0.0/8', '192.0.2.0/24'] as Cidr[] })],
  [7300, 7301].map((port) =>
    forward(port, addressOf(1, 2, 6), {
      port,
      hostAddress: 'fd82::1' as IpAddress,
      from: ['fd00::/8' as Cidr],
    }),
  ),
  [opening(addressOf(6, 2))],
  [opening(addressOf(6, 2, 6))],
  [opening(addressOf(7, 2, 6), { protocol: 'udp', port: 53 })],
  [5000, 5001].map((port) => opening(addressOf(6, 2), { port })),
  [opening(addressOf(6, 2, 6), { port: 443, from: ['fd00::/8' as Cidr] })],
];

const allowances: readonly { readonly what: string; readonly policy: AllowancePolicy }[] = [
  {
    what: '`fl-plain` may reach 10.81.3.2 and fd81:3::2 at 5432/tcp',
    policy: {
      allowanceId: 'plain-to-database' as AllowanceId,
      from: subnetsOf(1),
      to: ['10.81.3.2/32', 'fd81:3::2/128'] as Cidr[],
      ports: { protocol: 'tcp', first: 5432, last: 5432 },
    },
  },
  {
    what: '`fl-open` may reach `fl-plain`, by every protocol',
    policy: { allowanceId: 'open-to-plain' as AllowanceId, from: subnetsOf(4), to: subnetsOf(1) },
  },
];

const senders: readonly { readonly what: string; readonly sender: Sender }[] = [
  { what: 'an endpoint with an address of each family', sender: senderOf(2) },
  {
    what: 'an endpoint whose sandbox has an address on another network too',
    sender: { ...senderOf(3), addresses: [senderAddress(3), addressOf(2, 2)] },
  },
  {
    what: 'an endpoint whose addresses are somebody else’s affair (CNI without `ipam`)',
    sender: { ...senderOf(4), addresses: [] },
  },
];

const state = {
  networks: samples.map(({ policy }) => policy),
  endpoints: samples.map((_, i) => endpointPolicy(`${i + 1}`.padEnd(64, '0'), i + 1, portsOf(i + 1))),
  allowances: allowances.map(({ policy }) => policy),
};

function subnetsOf(network: number): readonly Cidr[] {
  return samples[network - 1]?.policy.subnets ?? [];
}

/** Those that lead to endpoints of network N. */
function portsOf(network: number): readonly PortForward[] {
  const prefixes = [4, 6].map((family) => addressOf(network, 0, family as 4 | 6).slice(0, -1));
  return published.flat().filter(({ address }) => prefixes.some((prefix) => address.startsWith(prefix)));
}

test('the document of nftables shows the rules of a sample host as they are', async () => {
  await using firewall = closing(new NftablesFirewall());
  await firewall.replace(state);
  const rules = withSortedElements(run('nft list table inet fairlead')).replace(/ # progname .*/, '');
  const document = documentOf('The nftables backend', [{ command: 'nft list table inet fairlead', rules }]);
  await expect(document).toMatchFileSnapshot('../../../docs/rules/nftables.md');
});

const missing = backends.find(({ name }) => name === 'iptables-nft')?.missing;
test.skipIf(missing !== undefined)(
  `the document of iptables shows the rules of a sample host as they are${missing === undefined ? '' : ` (${missing})`}`,
  async () => {
    await using firewall = closing(new IptablesFirewall({ variant: 'nft' }));
    onTestFinished(removeAllRules);
    await firewall.replace(state);
    const printed = ['iptables', 'ip6tables'].map((program) => ({
      command: `${program}-save`,
      rules: ownPart(run(`${program}-nft-save`)),
    }));
    await expect(documentOf('The iptables backend', printed)).toMatchFileSnapshot(
      '../../../docs/rules/iptables.md',
    );
  },
);

test('the document of senders shows the rules about frames of a sample host as they are', async () => {
  const table = await SenderTable.open();
  onTestFinished(() => table.close());
  await table.replace(new Map(senders.map(({ sender }) => [sender.ifname as EndpointId, sender])));
  const printed = withSortedElements(run('nft list table bridge fairlead')).replace(/ # progname .*/, '');
  const endpoints = senders.map(
    ({ what, sender: { ifname, mac, addresses } }) =>
      `- port \`${ifname}\` (${[mac, ...addresses].join(', ')}): ${what}`,
  );
  const document = [
    '# Who may send what',
    'What `nft list table bridge fairlead` prints on a host with these endpoints, with either firewall backend:',
    endpoints.join('\n'),
    'The words of it are in [bridge.md](../bridge.md#who-may-send-what). Endpoints of networks with `anti_spoofing=false` are not in it.',
    `\`\`\`\n${printed.trimEnd()}\n\`\`\`\n`,
  ].join('\n\n');
  await expect(document).toMatchFileSnapshot('../../../docs/rules/senders.md');
});

interface Printed {
  readonly command: string;
  readonly rules: string;
}

function documentOf(title: string, printed: readonly Printed[]): string {
  const networks = samples.map(
    ({ what, policy }) => `- \`${policy.ifname}\` (${policy.subnets.join(', ')}): ${what}`,
  );
  return [
    `# ${title}`,
    `What ${printed.map(({ command }) => `\`${command}\``).join(' and ')} ${printed.length > 1 ? 'print' : 'prints'} on a host with these networks:`,
    networks.join('\n'),
    'and these published ports:',
    published.map((ports) => `- ${portsText(ports)}`).join('\n'),
    'and these allowances between networks:',
    allowances.map(({ what }) => `- ${what}`).join('\n'),
    printed.map(({ rules }) => `\`\`\`\n${rules.trimEnd()}\n\`\`\``).join('\n\n'),
  ]
    .join('\n\n')
    .concat('\n');
}

function portsText(ports: readonly PortForward[]): string {
  const [first, last] = [ports[0], ports.at(-1)];
  if (first === undefined || last === undefined) throw new RangeError('an option publishes a port at least');
  const { hostAddress, protocol, address, keepSource, from } = first;
  const span = (which: 'hostPort' | 'port') => [...new Set([first[which], last[which]])].join('-');
  const askers = from === undefined ? '' : `, for ${from.join(' and ')} alone`;
  const verb = ports.length > 1 ? ['are', 'lead'] : ['is', 'leads'];
  if (hostAddress === address) return `${span('port')}/${protocol} ${verb[0]} open at ${address}${askers}`;
  const source = keepSource
    ? ''
    : '; the answers would leave by another network, so the asker’s address is replaced';
  const lead = `${verb[1]} to ${address} port ${span('port')}`;
  return `${span('hostPort')}/${protocol} on ${hostAddress} ${lead}${askers}${source}`;
}

function closing<T extends { close(): Promise<void> }>(firewall: T): T & AsyncDisposable {
  return Object.assign(firewall, { [Symbol.asyncDispose]: () => firewall.close() });
}

/** What of it is ours: built-in chains and tables of others depend on what else is in this namespace. */
function ownPart(text: string): string {
  const tables = text.split('COMMIT\n').filter((table) => table.includes('FAIRLEAD-'));
  return tables
    .map((table) => table.split('\n').filter((line) => line.startsWith('*') || line.includes('FAIRLEAD-')))
    .map((lines) => `${lines.join('\n')}\nCOMMIT\n`)
    .join('');
}

/** The kernel lists the elements of a hash table in any order. */
function withSortedElements(text: string): string {
  return text.replace(/elements = \{ ([^}]*) \}/g, (_, list: string) => {
    const elements = list.split(',').map((element) => element.trim());
    return `elements = { ${elements.sort().join(',\n\t\t\t     ')} }`;
  });
}
