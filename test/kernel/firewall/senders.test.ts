// What endpoints can send by their bridge, frame by frame, and what others can do about the table that decides it.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { MacAddress } from '../../../src/base/mac.ts';
import { NoFirewall } from '../../../src/firewall/none.ts';
import { GuardedFirewall } from '../../../src/firewall/senders/guarded-firewall.ts';
import { SenderTable } from '../../../src/firewall/senders/sender-table.ts';
import { run, succeeds } from '../../support/own-network.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { addressOf, Cable, policyOf, senderOf, strangersMac } from './cable.ts';
import { aboutAddress, arp, ethernet, icmp6, taggedUdp, udp, udp6 } from './frames.ts';
import { removeTable, takeTable } from './own-table.ts';

const { mac } = senderOf(2);
const own = addressOf(2);
const own6 = addressOf(2, 6);
const other = addressOf(3);
const other6 = addressOf(3, 6);
const linkLocal = 'fe80::1234';
const vlan = 0x8100;
const serviceVlan = 0x88a8;

type Mark = readonly number[];
interface Case {
  readonly what: string;
  readonly frame: (mark: Mark) => readonly number[];
}

const honest: readonly Case[] = [
  { what: 'IPv4 from its address', frame: (mark) => udp({ mac, from: own }, mark) },
  { what: 'IPv6 from its address', frame: (mark) => udp6({ mac, from: own6 }, mark) },
  { what: 'IPv6 from a link-local address', frame: (mark) => udp6({ mac, from: linkLocal }, mark) },
  {
    what: 'a DHCP client without an address',
    frame: (mark) => udp({ mac, from: '0.0.0.0' }, mark, { from: 68, to: 67 }),
  },
  { what: 'an ARP question', frame: (mark) => arp({ mac, sender: own, target: other }, mark) },
  { what: 'an ARP answer', frame: (mark) => arp({ mac, sender: own, target: other, reply: true }, mark) },
  {
    what: 'an ARP question whether an address is free',
    frame: (mark) => arp({ mac, sender: '0.0.0.0', target: other }, mark),
  },
  {
    what: 'the search for duplicates of its address',
    frame: (mark) => aboutAddress({ mac, from: '::', to: 'ff02::1:ff00:2' }, 'solicitation', own6, mark),
  },
  {
    what: 'the search for duplicates of a link-local address',
    frame: (mark) => aboutAddress({ mac, from: '::' }, 'solicitation', linkLocal, mark),
  },
  {
    what: 'a multicast listener report without an address',
    frame: (mark) => icmp6({ mac, from: '::' }, 143, [0, 0, 0, 0, ...mark]),
  },
  {
    what: 'a router solicitation',
    frame: (mark) => icmp6({ mac, from: linkLocal }, 133, [0, 0, 0, 0, ...mark]),
  },
  {
    what: 'a question for a neighbour',
    frame: (mark) => aboutAddress({ mac, from: own6 }, 'solicitation', other6, mark),
  },
  {
    what: 'an answer about its address',
    frame: (mark) => aboutAddress({ mac, from: own6 }, 'advertisement', own6, mark),
  },
  {
    what: 'an answer about a link-local address',
    frame: (mark) => aboutAddress({ mac, from: linkLocal }, 'advertisement', linkLocal, mark),
  },
  {
    what: 'an echo request over IPv6',
    frame: (mark) => icmp6({ mac, from: own6 }, 128, [0, 1, 0, 1, ...mark]),
  },
  { what: 'another protocol from its MAC address', frame: (mark) => ethernet({ mac }, 'other', mark) },
  {
    what: 'IPv4 from its address with a VLAN tag',
    frame: (mark) => taggedUdp({ mac, from: own }, mark, [vlan]),
  },
];

/** Of a bridge's neighbours on the cable: the addresses of LLDP and of LACP. */
const reserved = ['01:80:c2:00:00:0e' as MacAddress, '01:80:c2:00:00:02' as MacAddress];

const dishonest: readonly Case[] = [
  ...reserved.map((toMac) => ({
    what: `another protocol to the reserved address ${toMac}`,
    frame: (mark: Mark) => ethernet({ mac, toMac }, 'other', mark),
  })),
  ...reserved.map((toMac) => ({
    what: `IPv4 from another endpoint to the reserved address ${toMac}`,
    frame: (mark: Mark) => udp({ mac, from: other, toMac }, mark),
  })),
  { what: 'IPv4 from another endpoint', frame: (mark) => udp({ mac, from: other }, mark) },
  { what: 'IPv4 from the gateway', frame: (mark) => udp({ mac, from: addressOf(1) }, mark) },
  { what: 'IPv4 from elsewhere', frame: (mark) => udp({ mac, from: '192.0.2.1' }, mark) },
  { what: 'IPv4 from nowhere that is no DHCP', frame: (mark) => udp({ mac, from: '0.0.0.0' }, mark) },
  {
    what: 'its address from another MAC address',
    frame: (mark) => udp({ mac: strangersMac, from: own }, mark),
  },
  {
    what: "another endpoint's MAC and IP address",
    frame: (mark) => udp({ mac: senderOf(3).mac, from: other }, mark),
  },
  {
    what: 'another protocol from another MAC address',
    frame: (mark) => ethernet({ mac: strangersMac }, 'other', mark),
  },
  { what: 'IPv6 from another endpoint', frame: (mark) => udp6({ mac, from: other6 }, mark) },
  { what: 'IPv6 from nowhere', frame: (mark) => udp6({ mac, from: '::' }, mark) },
  {
    what: 'its IPv6 address from another MAC address',
    frame: (mark) => udp6({ mac: strangersMac, from: own6 }, mark),
  },
  {
    what: 'an echo request from another IPv6 address',
    frame: (mark) => icmp6({ mac, from: other6 }, 128, [0, 1, 0, 1, ...mark]),
  },
  {
    what: "an ARP answer with another's address",
    frame: (mark) => arp({ mac, sender: other, target: own, reply: true }, mark),
  },
  {
    what: "an ARP question with another's address",
    frame: (mark) => arp({ mac, sender: other, target: own }, mark),
  },
  {
    what: 'an ARP answer that leads to another MAC address',
    frame: (mark) => arp({ mac, senderMac: strangersMac, sender: own, target: other, reply: true }, mark),
  },
  {
    what: 'an ARP answer without an address',
    frame: (mark) => arp({ mac, sender: '0.0.0.0', target: other, reply: true }, mark),
  },
  {
    what: "an answer about another's address",
    frame: (mark) => aboutAddress({ mac, from: own6 }, 'advertisement', other6, mark),
  },
  {
    what: "an answer about another's address from a link-local one",
    frame: (mark) => aboutAddress({ mac, from: linkLocal }, 'advertisement', other6, mark),
  },
  {
    what: "the search for duplicates of another's address",
    frame: (mark) => aboutAddress({ mac, from: '::' }, 'solicitation', other6, mark),
  },
  {
    what: 'a router advertisement',
    frame: (mark) => icmp6({ mac, from: linkLocal }, 134, [...Array<number>(12).fill(0), ...mark]),
  },
  {
    what: 'a redirect',
    frame: (mark) => icmp6({ mac, from: linkLocal }, 137, [...Array<number>(36).fill(0), ...mark]),
  },
  {
    what: 'IPv4 from another endpoint with a VLAN tag',
    frame: (mark) => taggedUdp({ mac, from: other }, mark, [vlan]),
  },
  {
    what: 'IPv4 from another endpoint with a service VLAN tag',
    frame: (mark) => taggedUdp({ mac, from: other }, mark, [serviceVlan]),
  },
  {
    what: 'IPv4 from another endpoint with two VLAN tags',
    frame: (mark) => taggedUdp({ mac, from: other }, mark, [vlan, vlan]),
  },
  {
    what: 'IPv4 from another endpoint with two tags of both kinds',
    frame: (mark) => taggedUdp({ mac, from: other }, mark, [serviceVlan, vlan]),
  },
];

let turn: AsyncDisposable;
let cable: Cable;
beforeAll(async () => {
  turn = await takeTable();
  await removeTable();
  cable = await Cable.create([2, 3, 4]);
}, 130_000);
afterAll(async () => {
  await cable?.[Symbol.asyncDispose]();
  await turn?.[Symbol.asyncDispose]();
});

async function guard(owned = true): Promise<GuardedFirewall> {
  return new GuardedFirewall(new NoFirewall(), await SenderTable.open({ owned }));
}

const state = { networks: [], endpoints: [policyOf(2), policyOf(3)] };

async function seen({ frame }: Case): Promise<readonly (number | 'host')[]> {
  const mark = cable.mark();
  return cable.whoSees(2, frame(mark), mark);
}

describe('an endpoint that is guarded', () => {
  let firewall: GuardedFirewall;
  beforeAll(async () => {
    firewall = await guard();
    await firewall.replace(state);
  });
  afterAll(async () => {
    await firewall.replace({ networks: [], endpoints: [] });
    await firewall.close();
  });

  test.for(honest)('is heard: $what', async (one) => {
    expect(await seen(one)).toEqual([3, 4, 'host']);
  });

  test.for(dishonest)('is not heard: $what', async (one) => {
    expect(await seen(one)).toEqual([]);
  });
});

test.for([...honest, ...dishonest])('an endpoint that is not guarded is heard: $what', async (one) => {
  await using firewall = closing(await guard());
  await firewall.replace({ networks: [], endpoints: [policyOf(3)] });
  expect(await seen(one)).toEqual([3, 4, 'host']);
});

const port = senderOf(2).ifname;

test('an endpoint whose addresses nobody has told may have any, but no other MAC address', async () => {
  await using firewall = closing(await guard());
  await firewall.replace({ networks: [], endpoints: [policyOf(2, { ...senderOf(2), addresses: [] })] });
  const cases = [...honest, ...dishonest].map((one) => ({ ...one, passes: !keptToMac.has(one.what) }));
  for (const { passes, ...one } of cases) {
    expect({ what: one.what, seen: await seen(one) }).toEqual({
      what: one.what,
      seen: passes ? [3, 4, 'host'] : [],
    });
  }
  await firewall.replace({ networks: [], endpoints: [] });
});

/** Cases that are about MAC addresses, or of routers, or hide what they are about. */
const keptToMac = new Set([
  'its address from another MAC address',
  "another endpoint's MAC and IP address",
  'another protocol from another MAC address',
  'its IPv6 address from another MAC address',
  'an ARP answer that leads to another MAC address',
  'a router advertisement',
  'a redirect',
  ...dishonest.slice(0, 2 * reserved.length).map(({ what }) => what),
  'IPv4 from another endpoint with two VLAN tags',
  'IPv4 from another endpoint with two tags of both kinds',
]);

describe('the table of senders', () => {
  let firewall: GuardedFirewall;
  beforeEach(async () => {
    firewall = await guard();
    await firewall.replace(state);
  });
  afterEach(async () => {
    await firewall.replace({ networks: [], endpoints: [] });
    await firewall.close();
  });

  test('has what is applied, and no longer what is taken back', async () => {
    const before = listed();
    await firewall.apply([{ endpoint: policyOf(4) }]);
    expect(await firewall.inspect({ ...state, endpoints: [...state.endpoints, policyOf(4)] })).toEqual([]);
    await firewall.apply([{ removedEndpoint: policyOf(4).endpointId }]);
    expect(await firewall.inspect(state)).toEqual([]);
    expect(listed()).toEqual(before);
  });

  test('has the addresses an endpoint has now', async () => {
    const moved = { ...senderOf(2), mac: strangersMac, addresses: [addressOf(9)] };
    await firewall.apply([{ endpoint: policyOf(2, moved) }]);
    expect(await firewall.inspect()).toEqual([]);
    const mark = cable.mark();
    const frame = udp({ mac: strangersMac, from: addressOf(9) }, mark);
    expect(await cable.whoSees(2, frame, mark, moved)).toEqual([3, 4, 'host']);
  });

  test('changes that are asked for at once are all made', async () => {
    const many = Array.from({ length: 30 }, (_, i) => policyOf(10 + i));
    await Promise.all(many.map((endpoint) => firewall.apply([{ endpoint }])));
    expect(await firewall.inspect({ ...state, endpoints: [...state.endpoints, ...many] })).toEqual([]);
    await Promise.all(many.map(({ endpointId }) => firewall.apply([{ removedEndpoint: endpointId }])));
    expect(await firewall.inspect(state)).toEqual([]);
  });

  test('looks at no frame of the host while nobody is on a network', async () => {
    expect(run('nft list table bridge fairlead')).toContain('hook prerouting');
    await firewall.apply(state.endpoints.map(({ endpointId }) => ({ removedEndpoint: endpointId })));
    expect(run('nft list table bridge fairlead')).not.toContain('hook prerouting');
    expect(await firewall.inspect({ networks: [], endpoints: [] })).toEqual([]);
    await firewall.apply([{ endpoint: policyOf(2) }]);
    expect(run('nft list table bridge fairlead')).toContain('hook prerouting');
  });

  test('tells how many frames each rule has dropped', async () => {
    const mark = cable.mark();
    await cable.whoSees(2, udp({ mac: strangersMac, from: own }, mark), mark);
    const counted = /ether saddr != @hardware-addresses counter packets (\d+) bytes \d+ drop/;
    expect(counted.exec(run('nft list table bridge fairlead'))?.[1]).toBe('1');
  });

  test('outlasts a flush of all rules, and nobody else can change it', async () => {
    const before = listed();
    run('nft flush ruleset');
    expect(succeeds('nft delete table bridge fairlead')).toBe(false);
    expect(listed()).toEqual(before);
  });
});

describe('a table of senders others may change', () => {
  const heard: string[] = [];
  let firewall: GuardedFirewall;
  beforeEach(async () => {
    firewall = await guard(false);
    firewall.onForeignChange((who) => heard.push(who));
    await firewall.replace(state);
    heard.length = 0;
  });
  afterEach(async () => {
    await firewall.replace({ networks: [], endpoints: [] });
    await firewall.close();
    run('nft flush ruleset');
  });

  test.for([
    {
      deed: 'nft flush ruleset',
      found: [{ object: 'nft table bridge fairlead', problem: 'is missing' }],
    },
    {
      deed: 'nft flush chain bridge fairlead from-arp',
      found: [{ object: 'nft chain from-arp of table bridge fairlead', problem: 'has other rules' }],
    },
    {
      deed: 'nft add chain bridge fairlead theirs',
      found: [{ object: 'nft chain theirs of table bridge fairlead', problem: 'is not ours' }],
    },
    {
      deed: `nft delete element bridge fairlead ports { ${port} }`,
      found: [{ object: `element ${port} of nft set ports`, problem: 'is missing' }],
    },
    {
      deed: `nft add element bridge fairlead ipv4-addresses { ${port} . ${mac} . 10.83.0.9 }`,
      found: [
        { object: `element ${port} ${mac} 10.83.0.9 of nft set ipv4-addresses`, problem: 'is not ours' },
      ],
    },
  ])('$deed is heard of, found and mended', async ({ deed, found }) => {
    run(deed);
    await waitUntil('it is heard of', () => heard.some((who) => who.startsWith('nft (pid ')));
    expect(await firewall.inspect()).toEqual(found);
    await firewall.replace(state);
    expect(await firewall.inspect()).toEqual([]);
  });

  test('a change that comes when the table is gone brings all of it back', async () => {
    run('nft flush ruleset');
    await firewall.apply([{ endpoint: policyOf(4) }]);
    expect(await firewall.inspect({ ...state, endpoints: [...state.endpoints, policyOf(4)] })).toEqual([]);
  });
});

/** The lines about the endpoint, in any order: the kernel lists the elements of a hash table as it likes. */
function listed(): readonly string[] {
  const text = run('nft -s list table bridge fairlead');
  return text
    .replaceAll(/[{}]|elements =/g, ',')
    .split(',')
    .map((part) => part.trim())
    .sort();
}

function closing<T extends { close(): Promise<void> }>(firewall: T): T & AsyncDisposable {
  return Object.assign(firewall, { [Symbol.asyncDispose]: () => firewall.close() });
}
