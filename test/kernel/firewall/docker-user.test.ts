// Networks beside Docker: what its rules do to them, and what becomes of its rules.
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { NetworkId } from '../../../src/model/ids.ts';
import { run } from '../../support/own-network.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { FirewallBesideOthers } from './beside-others.ts';
import { hasChain, makeDockerRules, removeDockerRules, rulesOf } from './docker-rules.ts';
import {
  addressOf,
  bridgeOf,
  endpointPolicy,
  forward,
  hostAddress,
  Lan,
  networkPolicy,
  outsideAddress,
} from './lan.ts';
import { removeTable, takeTable } from './own-table.ts';

const ownChain = 'FAIRLEAD-FORWARD';
const families = [
  { family: 4, command: 'iptables-nft' },
  { family: 6, command: 'ip6tables-nft' },
] as const;
/** Of the networks 2 and 4, by the names Docker gave their bridges, the second one by option. */
const dockerBridges = { 2: 'docker0', 4: 'corp0' } as const;
/** The bridge of network 3 has the name that bridges get here by default. */
const defaultBridge = 'fl-0123456789';
const networks = [networkPolicy(1), networkPolicy(3, { ifname: defaultBridge })];
const state = {
  networks,
  endpoints: [endpointPolicy('web', 1, [forward(8080, addressOf(1, 2)), forward(8080, addressOf(1, 2, 6))])],
};

let table: AsyncDisposable;
beforeAll(async () => {
  table = await takeTable();
}, 130_000);
afterAll(() => table?.[Symbol.asyncDispose]());

const informed: string[] = [];
const warned: Error[] = [];
let firewall: FirewallBesideOthers;
beforeEach(() => {
  firewall = makeFirewall();
});
afterEach(async () => {
  await firewall.close();
  await removeTable();
  removeDockerRules();
  expect(warned.splice(0)).toEqual([]);
  informed.length = 0;
});

describe('the traffic of networks', () => {
  let lan: Lan;
  beforeAll(async () => {
    lan = await Lan.create();
    await lan.addNetwork(1, [2, 3]);
    await lan.addNetwork(3, [2]);
    for (const network of [2, 4]) await lan.addNetwork(network, [2], { foreign: true });
    for (const [network, name] of renamed) run(`ip link set ${bridgeOf(network)} name ${name}`);
    for (const place of ['1.2', '1.3', '2.2', '3.2', '4.2', 'outside']) await lan.serve(place);
    for (const name of ['iptables', 'ip6tables']) run(`sysctl -q -w net.bridge.bridge-nf-call-${name}=1`);
  }, 60_000);
  afterAll(async () => {
    for (const [network, name] of renamed) run(`ip link set ${name} name ${bridgeOf(network)}`);
    await lan?.[Symbol.asyncDispose]();
  });
  const renamed = [...Object.entries(dockerBridges), [3, defaultBridge] as const].map(
    ([network, name]) => [Number(network), name] as const,
  );
  const silenceSeconds = 0.3;

  describe.for(families)('over IPv$family', ({ family, command }) => {
    const ask = (from: string, to: string, port: number, answer: string) =>
      lan.ask(from, to, port, answer === 'silence' ? silenceSeconds : undefined);
    const host = hostAddress[family];
    const outside = outsideAddress[family];

    test('is dropped where nothing lets it through', async () => {
      await firewall.replace(state);
      await firewall.close();
      makeDockerRules(command, Object.values(dockerBridges));
      for (const [from, to, port] of [
        ['1.2', addressOf(1, 3, family), 80],
        ['1.2', outside, 80],
        ['outside', host, 8080],
      ] as const) {
        expect(await ask(from, to, port, 'silence')).toBe('silence');
      }
      // A neighbour that was asked for in vain is not asked for again for a while.
      run('ip neigh flush all', lan.pathOf('1.2'));
    });

    describe('is let through as without Docker', () => {
      test.for<[what: string, from: string, to: string, port: number, answer: string]>([
        ['a neighbour', '1.2', addressOf(1, 3, family), 80, `1.3 ${addressOf(1, 2, family)}`],
        ['the outside', '1.2', outside, 80, `outside ${host}`],
        ['the outside, from a bridge of default name', '3.2', outside, 80, `outside ${host}`],
        ['a published port, from outside', 'outside', host, 8080, `1.2 ${outside}`],
        ['a published port, from a neighbour', '1.3', host, 8080, `1.2 ${addressOf(1, 1, family)}`],
        ['a published port, from another network', '3.2', host, 8080, `1.2 ${addressOf(1, 1, family)}`],
        ['a published port, from a container of Docker', '2.2', host, 8080, `1.2 ${addressOf(2, 2, family)}`],
        ['another network', '3.2', addressOf(1, 2, family), 80, 'silence'],
        ['a network, from outside', 'outside', addressOf(1, 2, family), 80, 'silence'],
        ['a network, from a container of Docker', '2.2', addressOf(1, 2, family), 80, 'silence'],
        ['a container of Docker', '1.2', addressOf(2, 2, family), 80, 'silence'],
        [
          'a container of Docker, from a bridge of default name',
          '3.2',
          addressOf(2, 2, family),
          80,
          'silence',
        ],
        ['a container of Docker on a bridge of any name', '1.2', addressOf(4, 2, family), 80, 'silence'],
        ['the outside, from a container of Docker', '2.2', outside, 80, `outside ${addressOf(2, 2, family)}`],
      ])('%s', async ([, from, to, port, answer]) => {
        makeDockerRules(command, Object.values(dockerBridges));
        await firewall.replace(state);
        expect(await ask(from, to, port, answer)).toBe(answer);
      });
    });

    test('is let through when Docker comes later', async () => {
      await firewall.replace(state);
      makeDockerRules(command, Object.values(dockerBridges));
      await waitUntil('the chain is there', () => hasChain(command, ownChain));
      expect(await ask('1.2', outside, 80, '')).toBe(`outside ${host}`);
      expect(await firewall.inspect()).toEqual([]);
    });

    test('is what the administrator says in DOCKER-USER first', async () => {
      makeDockerRules(command, Object.values(dockerBridges));
      await firewall.replace(state);
      run(`${command} -I DOCKER-USER -s ${addressOf(1, 2, family)} -d ${outside} -j DROP`);
      expect(await ask('1.2', outside, 80, 'silence')).toBe('silence');
      expect(await ask('1.3', outside, 80, '')).toBe(`outside ${host}`);
    });
  });
});

describe.for(families)('the rules of $command', ({ command }) => {
  const docker = () => makeDockerRules(command, Object.values(dockerBridges));
  const jump = `-j ${ownChain}`;
  const userRules = () => rulesOf(command, 'DOCKER-USER');

  test('are ones iptables prints', async () => {
    docker();
    // A network on a bridge that Docker's rules name is on a bridge of Docker's.
    const more = ['br-lab', 'corp0'].map((ifname, i) => networkPolicy(5 + i, { ifname }));
    await firewall.replace({ networks: [...networks, ...more], endpoints: [] });
    expect(userRules()).toEqual([jump, '-j RETURN']);
    expect(rulesOf(command, ownChain)).toEqual([
      '-o br-lab -j ACCEPT',
      '-o docker+ -j RETURN',
      '-o br-+ -j RETURN',
      '-o corp0 -j RETURN',
      '-i br-lab -j ACCEPT',
      '-i fl-+ -j ACCEPT',
      `-i ${bridgeOf(1)} -j ACCEPT`,
      '-i docker+ -j RETURN',
      '-i br-+ -j RETURN',
      '-i corp0 -j RETURN',
      '-o fl-+ -j ACCEPT',
      `-o ${bridgeOf(1)} -j ACCEPT`,
    ]);
    run(`${command} -C ${ownChain} -i fl-+ -j ACCEPT`);
    run(`${command} -L -v`);
  });

  test('come with the first network and go with the last', async () => {
    docker();
    const before = run(`${command} -S`);
    await firewall.replace({ networks: [], endpoints: [] });
    expect(run(`${command} -S`)).toBe(before);
    for (const network of networks) await firewall.apply([{ network }]);
    expect(userRules()).toEqual([jump, '-j RETURN']);
    await firewall.apply([{ removedNetwork: networkPolicy(1).networkId }]);
    expect(rulesOf(command, ownChain).join()).not.toContain(bridgeOf(1));
    await firewall.apply([{ removedNetwork: networkPolicy(3).networkId }]);
    expect(run(`${command} -S`)).toBe(before);
    expect(informed).toEqual([
      expect.stringMatching(
        /^nft table ip6? filter drops what networks forward: let through by a rule in DOCKER-USER$/,
      ),
      expect.stringMatching(
        /^nft table ip6? filter: .* no longer let through by .*, as there is no network left$/,
      ),
    ]);
  });

  test('are not written again for one more network of default name', async () => {
    docker();
    await firewall.replace(state);
    const family = command === 'iptables-nft' ? 'ip' : 'ip6';
    const handles = () => run(`nft -a list chain ${family} filter ${ownChain}`);
    const before = handles();
    await firewall.apply([{ network: networkPolicy(6, { ifname: 'fl-abcdef0123' }) }]);
    await firewall.apply([{ removedNetwork: 'network-6' as NetworkId }]);
    expect(handles()).toBe(before);
    expect(await firewall.inspect()).toEqual([]);
  });

  test('go when forwarded packets are no longer dropped, and come when they are again', async () => {
    docker();
    await firewall.replace(state);
    run(`${command} -P FORWARD ACCEPT`);
    await waitUntil('the chain is gone', () => !hasChain(command, ownChain));
    expect(userRules()).toEqual(['-j RETURN']);
    expect(await firewall.inspect()).toEqual([]);
    run(`${command} -P FORWARD DROP`);
    await waitUntil('the chain is back', () => hasChain(command, ownChain));
    expect(userRules()).toEqual([jump, '-j RETURN']);
  });

  test('stay when the daemon goes', async () => {
    docker();
    await firewall.replace(state);
    await firewall.close();
    expect(userRules()).toEqual([jump, '-j RETURN']);
  });

  test('follow a bridge that Docker makes later', async () => {
    docker();
    await firewall.replace(state);
    run(`${command} -I FORWARD -o corp1 -j DOCKER`);
    await waitUntil('it is told apart', () => rulesOf(command, ownChain).includes('-o corp1 -j RETURN'));
  });

  test.for([
    { what: 'nothing it drops by itself', makeRules: ['-N DOCKER-USER', '-I FORWARD -j DOCKER-USER'] },
    { what: 'no hook it drops at that concerns us', makeRules: ['-N DOCKER-USER', '-P OUTPUT DROP'] },
  ])('are not there in a table with $what', async ({ makeRules }) => {
    for (const words of makeRules) run(`${command} ${words}`);
    const before = run(`${command} -S`);
    await firewall.replace(state);
    await firewall.apply([{ network: networkPolicy(5) }]);
    expect(run(`${command} -S`)).toBe(before);
    expect(await firewall.inspect()).toEqual([]);
    expect(informed).toEqual([]);
  });

  test.for([
    { deed: '-F', users: [jump] },
    { deed: '-F DOCKER-USER', users: [jump] },
    { deed: `-F ${ownChain}`, users: [jump, '-j RETURN'] },
    { deed: `-D DOCKER-USER ${jump}`, users: [jump, '-j RETURN'] },
    { deed: `-D ${ownChain} -i fl-+ -j ACCEPT`, users: [jump, '-j RETURN'] },
    { deed: `-A ${ownChain} -j ACCEPT`, users: [jump, '-j RETURN'] },
    { deed: `-I DOCKER-USER ${jump}`, users: [jump, '-j RETURN'] },
    { deed: '-D DOCKER-USER -j RETURN', users: [jump] },
    { deed: '-I DOCKER-USER 2 -i eth7 -j DROP', users: ['-i eth7 -j DROP', jump, '-j RETURN'] },
    { deed: '-A DOCKER-USER -i eth7 -j DROP', users: [jump, '-j RETURN', '-i eth7 -j DROP'] },
    {
      deed: '-I DOCKER-USER 2 -m comment --comment mine -j RETURN',
      users: [jump, '-m comment --comment mine -j RETURN', '-j RETURN'],
    },
    { deed: '-I DOCKER-USER -i eth7 -j RETURN', users: ['-i eth7 -j RETURN', jump, '-j RETURN'] },
  ])('are as they should be soon after $deed', async ({ deed, users }) => {
    docker();
    await firewall.replace(state);
    const own = rulesOf(command, ownChain);
    run(`${command} ${deed}`);
    // `iptables -F` leaves no rule that names Docker's bridges.
    const wanted = deed === '-F' ? own.filter((line) => !line.includes('corp0')) : own;
    await waitUntil('they are', () => {
      const [now, want] = [
        [userRules(), rulesOf(command, ownChain)],
        [users, wanted],
      ];
      return JSON.stringify(now) === JSON.stringify(want);
    });
    expect(await firewall.inspect()).toEqual([]);
  });

  test('go elsewhere with a chain DOCKER-USER that is taken away', async () => {
    docker();
    await firewall.replace(state);
    run(`${command} -F`);
    run(`${command} -X DOCKER-USER`);
    await waitUntil('the jump is back', () => rulesOf(command, 'FORWARD').includes(jump));
    expect(await firewall.inspect()).toEqual([]);
  });

  test('are missed by a check, and repaired', async () => {
    docker();
    await firewall.replace(state);
    // It no longer hears of changes, so that only the check sees them.
    await firewall.close();
    const family = command === 'iptables-nft' ? 'ip' : 'ip6';
    const chain = (name: string) => `nft chain ${family} filter ${name}`;
    const noJump = `does not lead to ${ownChain}: what networks forward is dropped`;
    for (const { deeds, found } of [
      { deeds: ['-F DOCKER-USER'], found: [{ object: chain('DOCKER-USER'), problem: noJump }] },
      {
        deeds: ['-F DOCKER-USER', `-F ${ownChain}`, `-X ${ownChain}`],
        found: [
          { object: chain(ownChain), problem: 'is missing: what networks forward is dropped' },
          { object: chain('DOCKER-USER'), problem: noJump },
        ],
      },
      { deeds: [`-F ${ownChain}`], found: [{ object: chain(ownChain), problem: 'has other rules' }] },
      {
        deeds: [`-A DOCKER-USER ${jump}`],
        found: [
          {
            object: chain('DOCKER-USER'),
            problem: `leads to ${ownChain} more than once, or not after the rules of others`,
          },
        ],
      },
      { deeds: ['-P FORWARD ACCEPT'], found: [{ object: chain(ownChain), problem: 'is of no use here' }] },
    ]) {
      for (const deed of deeds) run(`${command} ${deed}`);
      expect(await firewall.inspect()).toEqual(found);
      await firewall.replace(state);
      expect(await firewall.inspect()).toEqual([]);
    }
  });
});

test('docs/docker.md shows the rules as they are', async () => {
  makeDockerRules('iptables-nft', ['docker0']);
  await firewall.replace({
    networks: ['lab0', defaultBridge].map((ifname, i) => networkPolicy(i, { ifname })),
    endpoints: [],
  });
  const shown = ['DOCKER-USER', ownChain].map(
    (chain) => `# iptables -S ${chain}\n${run(`iptables-nft -S ${chain}`)}`,
  );
  const document = readFileSync(new URL('../../../docs/docker.md', import.meta.url), 'utf8');
  expect(document).toContain(`\`\`\`console\n${shown.join('')}\`\`\``);
});

test('a table that cannot be changed is warned of, and networks are made all the same', async () => {
  makeDockerRules('iptables-nft', []);
  // A chain of that name at a hook cannot be jumped to.
  run(`nft add chain ip filter ${ownChain} { type filter hook input priority 7 ; }`);
  await firewall.replace({ networks: [networkPolicy(3)], endpoints: [] });
  await firewall.apply([{ network: networkPolicy(1) }]);
  const text = /^nft table ip filter: .* could not be brought in order: /;
  expect(warned.splice(0).map(({ message }) => message)).toEqual([
    expect.stringMatching(text),
    expect.stringMatching(text),
  ]);
  expect(run('nft list table inet fairlead')).toContain(bridgeOf(1));
});

function makeFirewall(): FirewallBesideOthers {
  return new FirewallBesideOthers({
    warn: (error) => warned.push(error),
    inform: (text) => informed.push(text),
  });
}
