// What is let through between networks because somebody said so, in each firewall backend, and that nothing else is.
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Cidr } from '../../../src/base/cidr.ts';
import type { AllowanceId } from '../../../src/model/ids.ts';
import type { AllowancePolicy } from '../../../src/model/policy.ts';
import { run } from '../../support/own-network.ts';
import { backends, enforce } from './backends.ts';
import {
  addressOf,
  bridgeOf,
  bridgings,
  endpointPolicy,
  forward,
  hostAddress,
  Lan,
  networkPolicy,
  outsideAddress,
  setBridging,
} from './lan.ts';
import { takeTable } from './own-table.ts';

const families = [4, 6] as const;
type Family = (typeof families)[number];

/** Networks: 1, 2 and 3 plain, 4 with endpoints that are kept apart, 5 routed, 6 internal, 9 what nobody allowed anything. */
const [apart, routed, internal, other] = [4, 5, 6, 9];

const network = (number: number) => networkPolicy(number).subnets;
const endpoint = (number: number, which: number): readonly Cidr[] => [
  `${addressOf(number, which)}/32` as Cidr,
  `${addressOf(number, which, 6)}/128` as Cidr,
];

function allowance(
  id: string,
  from: readonly Cidr[],
  to: readonly Cidr[],
  ports?: AllowancePolicy['ports'],
): AllowancePolicy {
  return { allowanceId: id as AllowanceId, from, to, ...(ports !== undefined && { ports }) };
}

const web = { protocol: 'tcp', first: 80, last: 81 } as const;
const allowances: readonly AllowancePolicy[] = [
  allowance('network-to-network', network(1), network(2)),
  allowance('address-to-address', endpoint(3, 2), endpoint(2, 2), web),
  // It says again what the first one says, and the next one overlaps both.
  allowance('within-the-first', endpoint(1, 2), endpoint(2, 2), web),
  allowance('across-the-first', endpoint(1, 2), network(2), { protocol: 'udp', first: 70, last: 90 }),
  allowance('from-apart', network(apart), network(3), web),
  allowance('to-apart', network(3), endpoint(apart, 2)),
  allowance('to-routed', network(3), network(routed), { protocol: 'tcp', first: 82, last: 82 }),
  allowance('two-to-two', [...endpoint(9, 2), ...endpoint(9, 3)], [...endpoint(1, 2), ...endpoint(3, 2)], {
    protocol: 'udp',
    first: 80,
    last: 80,
  }),
  // What no allowance opens: an internal network, and endpoints of one network to each other.
  allowance('from-internal', network(internal), network(2)),
  allowance('to-internal', network(1), network(internal)),
  allowance('within-apart', network(apart), network(apart)),
];
const networks = [
  networkPolicy(1),
  networkPolicy(2),
  networkPolicy(3),
  networkPolicy(apart, { icc: false }),
  networkPolicy(routed, {
    direct: { ipv4: 'ports', ipv6: 'ports' },
    source: { ipv4: 'keep', ipv6: 'keep' },
  }),
  networkPolicy(internal, { internal: true }),
  networkPolicy(other),
];
const state = {
  networks,
  endpoints: [
    endpointPolicy(
      'web',
      2,
      families.map((family) => forward(8080, addressOf(2, 2, family))),
    ),
  ],
  allowances,
};

let table: AsyncDisposable;
let lan: Lan;

beforeAll(async () => {
  table = await takeTable();
  lan = await Lan.create();
  for (const number of [1, 2, 3, routed, internal, other]) await lan.addNetwork(number, [2, 3]);
  await lan.addNetwork(apart, [2, 3], { isolated: true });
  for (const number of [1, 2, 3, apart, routed, internal, other]) await lan.serveRange(`${number}.2`, 79, 82);
  await lan.serveRange('2.3', 80, 80);
  await lan.serveRange('outside', 80, 80);
}, 160_000);
afterAll(async () => {
  await lan?.[Symbol.asyncDispose]();
  await table?.[Symbol.asyncDispose]();
});

/** How long no answer means silence; ping counts whole seconds. */
const silenceSeconds = 0.3;
const pingSilenceSeconds = 1;

type Means = 'tcp' | 'udp' | 'ping';

interface Case {
  readonly what: string;
  readonly from: readonly [network: number, endpoint: number];
  readonly to: readonly [network: number, endpoint: number];
  /** Ports, or an echo request. */
  readonly open: readonly (readonly [Means, number?])[];
  readonly shut?: readonly (readonly [Means, number?])[];
}

const cases: readonly Case[] = [
  {
    what: 'a network to a network, by whatever protocol',
    from: [1, 2],
    to: [2, 2],
    open: [['tcp', 80], ['tcp', 82], ['udp', 79], ['ping']],
  },
  { what: 'from every endpoint, to every endpoint', from: [1, 3], to: [2, 3], open: [['tcp', 80], ['ping']] },
  {
    what: 'not the other way round',
    from: [2, 2],
    to: [1, 2],
    open: [],
    shut: [['tcp', 80], ['udp', 80], ['ping']],
  },
  {
    what: 'an address to an address, at two ports',
    from: [3, 2],
    to: [2, 2],
    open: [
      ['tcp', 80],
      ['tcp', 81],
    ],
    shut: [['tcp', 79], ['tcp', 82], ['udp', 80], ['ping']],
  },
  { what: 'not from its neighbour', from: [3, 3], to: [2, 2], open: [], shut: [['tcp', 80], ['ping']] },
  { what: 'not to its neighbour', from: [3, 2], to: [2, 3], open: [], shut: [['tcp', 80], ['ping']] },
  {
    what: 'from endpoints that are kept apart',
    from: [apart, 3],
    to: [3, 2],
    open: [['tcp', 80]],
    shut: [['tcp', 82], ['udp', 80], ['ping']],
  },
  {
    what: 'to an endpoint that is kept apart',
    from: [3, 3],
    to: [apart, 2],
    open: [['tcp', 80], ['udp', 80], ['ping']],
  },
  { what: 'not to the one it is kept apart from', from: [3, 3], to: [apart, 3], open: [], shut: [['ping']] },
  {
    what: 'at a port of a routed network',
    from: [3, 2],
    to: [routed, 2],
    open: [['tcp', 82]],
    shut: [['tcp', 80]],
  },
  {
    what: 'one of two to the first of two',
    from: [9, 2],
    to: [1, 2],
    open: [['udp', 80]],
    shut: [['tcp', 80]],
  },
  {
    what: 'one of two to the second of two',
    from: [9, 3],
    to: [3, 2],
    open: [['udp', 80]],
    shut: [['udp', 81]],
  },
  { what: 'not between others', from: [9, 2], to: [2, 2], open: [], shut: [['tcp', 80], ['ping']] },
  {
    what: 'not to an internal network',
    from: [1, 2],
    to: [internal, 2],
    open: [],
    shut: [['tcp', 80], ['ping']],
  },
  { what: 'not from an internal network', from: [internal, 2], to: [2, 2], open: [], shut: [['tcp', 80]] },
];

const placeOf = ([number, which]: Case['from']) => `${number}.${which}`;

/** What came of it: the port that answered and the address it saw, or `silence`. */
async function attempt(
  { from, to }: Pick<Case, 'from' | 'to'>,
  family: Family,
  [means, port = 0]: readonly [Means, number?],
  isOpen: boolean,
): Promise<string> {
  const place = placeOf(from);
  const address = addressOf(...to, family);
  const patience = isOpen ? undefined : silenceSeconds;
  if (means === 'tcp') return lan.ask(place, address, port, patience);
  if (means === 'udp') return lan.askUdp(place, address, port, 0, patience);
  const answered = await lan.answersPing(place, address, isOpen ? undefined : pingSilenceSeconds);
  return answered ? 'answered' : 'silence';
}

/** What comes of it when it is allowed: the asker keeps its address. */
function success(
  { from, to }: Pick<Case, 'from' | 'to'>,
  family: Family,
  [means, port]: readonly [Means, number?],
): string {
  return means === 'ping' ? 'answered' : `${placeOf(to)}:${port} ${addressOf(...from, family)}`;
}

async function check({ open, shut = [], ...way }: Omit<Case, 'what'>, family: Family): Promise<void> {
  const answers = await Promise.all([
    ...open.map((one) => attempt(way, family, one, true)),
    ...shut.map((one) => attempt(way, family, one, false)),
  ]);
  const wanted = [...open.map((one) => success(way, family, one)), ...shut.map(() => 'silence')];
  expect(answers).toEqual(wanted);
}

describe.for(backends)('$name', ({ missing, create }) => {
  describe.skipIf(missing !== undefined)(missing ?? 'here', () => {
    const firewall = enforce(create, state);

    describe.for(bridgings)('where bridges $bridges', (bridging) => {
      beforeAll(() => setBridging(bridging));

      describe.for(families)('over IPv%i', (family) => {
        test.for(cases.filter(({ open }) => open.length > 0))('$what', ({ from, to, open }) =>
          check({ from, to, open }, family),
        );

        test('nothing else is let through', async () => {
          await Promise.all(
            cases.map(({ from, to, shut = [] }) => check({ from, to, open: [], shut }, family)),
          );
        });

        test('endpoints that are kept apart stay so, also when the host routes between them', async () => {
          const [gateway, target] = [addressOf(apart, 1, family), addressOf(apart, 2, family)];
          run(`ip -${family} route replace ${target} via ${gateway}`, lan.pathOf(`${apart}.3`));
          run(
            `ip -${family} route replace ${addressOf(apart, 3, family)} via ${gateway}`,
            lan.pathOf(`${apart}.2`),
          );
          await check({ from: [apart, 3], to: [apart, 2], open: [], shut: [['tcp', 80], ['ping']] }, family);
        });
      });
    });

    describe.for(families)('over IPv%i', (family) => {
      test('elsewhere the asker still leaves with the address of the host', async () => {
        expect(await lan.ask('1.2', outsideAddress[family], 80)).toBe(`outside:80 ${hostAddress[family]}`);
      });

      test('a published port is reached as before', async () => {
        expect(await lan.ask('outside', hostAddress[family], 8080)).toBe(`2.2:80 ${outsideAddress[family]}`);
        expect(await lan.ask('9.2', hostAddress[family], 8080)).toMatch(/^2\.2:80 /);
      });

      test('who comes from outside with an allowed address is not let in', async () => {
        const nft = family === 4 ? 'ip' : 'ip6';
        const thief = addressOf(1, 77, family);
        const length = family === 4 ? 24 : 64;
        run(`ip -${family} address add ${thief}/${length} dev eth0`, lan.pathOf('outside'));
        run(`nft add table ${nft} spy`);
        run(`nft add chain ${nft} spy seen { type filter hook postrouting priority 0 ; }`);
        run(
          `nft add set ${nft} spy askers { type ${family === 4 ? 'ipv4' : 'ipv6'}_addr ; flags dynamic ; }`,
        );
        run(`nft add rule ${nft} spy seen oifname ${bridgeOf(2)} add @askers { ${nft} saddr }`);
        onTestFinished(() => {
          run(`nft delete table ${nft} spy`);
          run(`ip -${family} address del ${thief}/${length} dev eth0`, lan.pathOf('outside'));
        });
        await lan.ask('outside', addressOf(2, 2, family), 80, {
          source: thief,
          patienceSeconds: silenceSeconds,
        });
        expect(await lan.ask('1.2', addressOf(2, 2, family), 80)).toMatch(/^2\.2:80 /);
        const seen = run(`nft list set ${nft} spy askers`);
        expect(seen).toContain(addressOf(1, 2, family));
        expect(seen).not.toContain(thief);
      });

      test('of two that say the same, either may go', async () => {
        onTestFinished(() => firewall.replace(state));
        const gone = (id: string) => ({ removedAllowance: id as AllowanceId });
        const way = { from: [1, 2], to: [2, 2] } as const;
        await firewall.apply([gone('within-the-first')]);
        expect(await firewall.inspect()).toEqual([]);
        await check({ ...way, open: [['tcp', 80], ['tcp', 82], ['ping']] }, family);

        await firewall.replace(state);
        await firewall.apply([gone('network-to-network')]);
        expect(await firewall.inspect()).toEqual([]);
        await check(
          {
            ...way,
            open: [
              ['tcp', 80],
              ['udp', 80],
            ],
            shut: [['tcp', 82], ['ping']],
          },
          family,
        );

        await firewall.apply([gone('across-the-first'), gone('within-the-first')]);
        expect(await firewall.inspect()).toEqual([]);
        await check({ ...way, open: [], shut: [['tcp', 80], ['udp', 80], ['ping']] }, family);
      });

      test('one that comes, and changes, is in force at once', async () => {
        onTestFinished(() => firewall.replace(state));
        const way = { from: [other, 3], to: [2, 3] } as const;
        await check({ ...way, open: [], shut: [['tcp', 80]] }, family);
        await firewall.apply([{ allowance: allowance('new', endpoint(other, 3), network(2), web) }]);
        expect(await firewall.inspect()).toEqual([]);
        await check({ ...way, open: [['tcp', 80]], shut: [['udp', 80]] }, family);
        await firewall.apply([{ allowance: allowance('new', network(other), endpoint(2, 3)) }]);
        expect(await firewall.inspect()).toEqual([]);
        await check({ ...way, open: [['tcp', 80], ['udp', 80], ['ping']] }, family);
        await firewall.apply([{ allowance: allowance('new', network(other), []) }]);
        expect(await firewall.inspect()).toEqual([]);
        await check({ ...way, open: [], shut: [['tcp', 80], ['ping']] }, family);
      });
    });

    test('without allowances the rules are what they were', async () => {
      onTestFinished(() => firewall.replace(state));
      await firewall.replace({ ...state, allowances: [] });
      expect(await firewall.inspect({ networks, endpoints: state.endpoints })).toEqual([]);
    });

    test('nothing is amiss in the rules', async () => {
      expect(await firewall.inspect()).toEqual([]);
    });
  });
});
