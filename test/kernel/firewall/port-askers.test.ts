// Ports that are published for some askers alone, in each firewall backend: who is named gets through, nobody else does.
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Cidr, IpAddress } from '../../../src/base/cidr.ts';
import type { PortForward } from '../../../src/model/policy.ts';
import { run } from '../../support/own-network.ts';
import { backends, enforce } from './backends.ts';
import {
  addressOf,
  bridgings,
  endpointPolicy,
  forward,
  hostAddress,
  Lan,
  networkPolicy,
  opening,
  outsideAddress,
  setBridging,
} from './lan.ts';
import { takeTable } from './own-table.ts';

const families = [4, 6] as const;
type Family = (typeof families)[number];

/** Networks: 1 has the published ports, 2 is a neighbour, 3 is routed. */
const routed = 3;
/** Another machine on the wire: a further address of the one outside. */
const second = { 4: '10.82.0.3', 6: 'fd82::3' } as const;
const anywhere = { 4: '0.0.0.0', 6: '::' } as const;

type Askers = 'outside' | 'both outside' | 'host' | 'loopback' | 'neighbour' | 'a network' | 'nobody';

function cidrsOf(askers: Askers, family: Family): readonly Cidr[] {
  const whole = family === 4 ? 32 : 128;
  const wire = family === 4 ? '10.82.0' : 'fd82:';
  const lists: Readonly<Record<Askers, readonly string[]>> = {
    outside: [`${outsideAddress[family]}/${whole}`],
    // They overlap, and one is there twice.
    'both outside': [
      `${second[family]}/${whole}`,
      `${wire}${family === 4 ? '.2/31' : ':2/127'}`,
      `${wire}${family === 4 ? '.0/30' : ':/126'}`,
      `${second[family]}/${whole}`,
    ],
    host: [`${hostAddress[family]}/${whole}`],
    loopback: family === 4 ? ['127.0.0.0/8'] : ['::1/128'],
    neighbour: [`${addressOf(1, 3, family)}/${whole}`],
    'a network': [family === 4 ? '10.81.2.0/24' : 'fd81:2::/64'],
    nobody: [],
  };
  return lists[askers] as readonly Cidr[];
}

const hostPorts: Readonly<Record<Askers, number>> = {
  outside: 8001,
  'both outside': 8002,
  host: 8003,
  loopback: 8004,
  neighbour: 8005,
  'a network': 8006,
  nobody: 8007,
};
const everyList = Object.keys(hostPorts) as readonly Askers[];

/** A range of ten, unshifted, and one port on one address of the host, for the machine outside. */
const range = { first: 8100, size: 10 };
const onOneAddress = 8201;
const onLoopback = 8202;

function published(family: Family): readonly PortForward[] {
  const address = addressOf(1, 2, family);
  const lists = everyList.flatMap((askers) =>
    (['tcp', 'udp'] as const).map((protocol) =>
      forward(hostPorts[askers], address, { protocol, from: cidrsOf(askers, family) }),
    ),
  );
  const outside = { from: cidrsOf('outside', family) };
  return [
    ...lists,
    ...Array.from({ length: range.size }, (_, i) =>
      forward(range.first + i, address, { port: range.first + i, ...outside }),
    ),
    forward(onOneAddress, address, { ...outside, hostAddress: hostAddress[family] as IpAddress }),
  ];
}

function opened(family: Family): readonly PortForward[] {
  const address = addressOf(routed, 2, family);
  return [
    opening(address, { from: cidrsOf('outside', family) }),
    opening(address, { port: 81, from: [] }),
    opening(address, { port: 82 }),
  ];
}

const web = endpointPolicy('web', 1, [
  ...families.flatMap(published),
  forward(onLoopback, addressOf(1, 2), {
    hostAddress: '127.0.0.1' as IpAddress,
    from: ['127.0.0.1/32' as Cidr],
  }),
]);
const state = {
  networks: [
    networkPolicy(1),
    networkPolicy(2),
    networkPolicy(routed, {
      direct: { ipv4: 'ports', ipv6: 'ports' },
      source: { ipv4: 'keep', ipv6: 'keep' },
    }),
  ],
  endpoints: [web, endpointPolicy('routed', routed, families.flatMap(opened))],
};

let table: AsyncDisposable;
let lan: Lan;

beforeAll(async () => {
  table = await takeTable();
  lan = await Lan.create();
  await lan.addNetwork(1, [2, 3]);
  await lan.addNetwork(2, [2]);
  await lan.addNetwork(routed, [2]);
  run(`ip address add ${second[4]}/24 dev eth0`, lan.pathOf('outside'));
  run(`ip address add ${second[6]}/64 dev eth0 nodad preferred_lft 0`, lan.pathOf('outside'));
  await lan.serve('1.2');
  await lan.serveUdp('1.2', 80);
  await lan.serveRange('1.2', range.first, range.first + range.size);
  for (const port of [80, 81, 82]) await lan.serve(`${routed}.2`, port);
}, 160_000);
afterAll(async () => {
  await lan?.[Symbol.asyncDispose]();
  await table?.[Symbol.asyncDispose]();
});

/** How long no answer means silence. */
const silenceSeconds = 0.3;

interface Asker {
  readonly who: string;
  readonly place: string;
  /** By which it asks; the host's own address on the wire where absent. */
  readonly to?: Readonly<Record<Family, string>>;
  /** From which it asks, where it has several. */
  readonly source?: Readonly<Record<Family, string>>;
  readonly seen: (family: Family) => string;
  /** The lists it is on. */
  readonly lists: readonly Askers[];
}

const gateway = (family: Family) => addressOf(1, 1, family);
const askers: readonly Asker[] = [
  {
    who: 'a machine outside',
    place: 'outside',
    seen: (family) => outsideAddress[family],
    lists: ['outside', 'both outside'],
  },
  {
    who: 'another machine outside',
    place: 'outside',
    source: second,
    seen: (family) => second[family],
    lists: ['both outside'],
  },
  {
    // Its address, 10.82.0.1, is in one of the blocks.
    who: 'the host',
    place: 'host',
    seen: (family) => hostAddress[family],
    lists: ['host', 'both outside'],
  },
  { who: 'a neighbour', place: '1.3', seen: gateway, lists: ['neighbour'] },
  { who: 'the endpoint itself', place: '1.2', seen: gateway, lists: [] },
  { who: 'another network', place: '2.2', seen: gateway, lists: ['a network'] },
];

describe.for(backends)('$name', ({ missing, create }) => {
  describe.skipIf(missing !== undefined)(missing ?? 'here', () => {
    const firewall = enforce(create, state);

    describe.for(bridgings)('where bridges $bridges', (bridging) => {
      beforeAll(() => setBridging(bridging));

      const cases = families.flatMap((family) => askers.map((asker) => ({ ...asker, family })));
      test.for(cases)('$who, over IPv$family', async ({ place, family, source, seen, lists }) => {
        const answers = await Promise.all(
          everyList.map(async (list) => {
            const port = hostPorts[list];
            return [list, await lan.ask(place, hostAddress[family], port, { source: source?.[family] })];
          }),
        );
        const wanted = everyList.map((list) => [
          list,
          lists.includes(list) ? `1.2 ${seen(family)}` : 'refused',
        ]);
        expect(Object.fromEntries(answers)).toEqual(Object.fromEntries(wanted));
      });
    });

    test('the host by loopback', async () => {
      const answers = await Promise.all(
        everyList.map(async (list) => [list, await lan.ask('host', '127.0.0.1', hostPorts[list])]),
      );
      const wanted = everyList.map((list) => [list, list === 'loopback' ? `1.2 ${gateway(4)}` : 'refused']);
      expect(Object.fromEntries(answers)).toEqual(Object.fromEntries(wanted));
      expect(await lan.ask('host', '127.0.0.1', onLoopback)).toBe(`1.2 ${gateway(4)}`);
    });

    describe.for(families)('over IPv%i', (family) => {
      const host = hostAddress[family];
      const outside = outsideAddress[family];

      test('UDP', async () => {
        expect(await lan.askUdp('outside', host, hostPorts.outside, 0)).toBe(`1.2 ${outside}`);
        expect(await lan.askUdp('outside', host, hostPorts.host, 0)).toBe('refused');
        expect(await lan.askUdp('host', host, hostPorts.host, 0)).toBe(`1.2 ${host}`);
        expect(await lan.askUdp('host', host, hostPorts.nobody, 0)).toBe('refused');
      });

      test('a range', async () => {
        for (const i of [0, 5, range.size - 1]) {
          expect(await lan.ask('outside', host, range.first + i)).toBe(`1.2:${range.first + i} ${outside}`);
          expect(await lan.ask('outside', host, range.first + i, { source: second[family] })).toBe('refused');
        }
        expect(await lan.ask('outside', host, range.first + range.size)).toBe('refused');
      });

      test('on one address of the host', async () => {
        expect(await lan.ask('outside', host, onOneAddress)).toBe(`1.2 ${outside}`);
        expect(await lan.ask('outside', host, onOneAddress, { source: second[family] })).toBe('refused');
        expect(await lan.ask('2.2', host, onOneAddress)).toBe('refused');
      });

      test('open at an endpoint of a routed network', async () => {
        const address = addressOf(routed, 2, family);
        const source = second[family];
        expect(await lan.ask('outside', address, 80)).toBe(`3.2 ${outside}`);
        expect(await lan.ask('outside', address, 80, { source, patienceSeconds: silenceSeconds })).toBe(
          'silence',
        );
        expect(await lan.ask('2.2', address, 80, silenceSeconds)).toBe('silence');
        expect(await lan.ask('outside', address, 81, silenceSeconds)).toBe('silence');
        expect(await lan.ask('outside', address, 82, { source })).toBe(`3.2 ${source}`);
        expect(await lan.ask('2.2', address, 82)).toBe(`3.2 ${addressOf(routed, 1, family)}`);
      });

      test('a list that changes is in force at once', async () => {
        onTestFinished(() => firewall.replace(state));
        const withList = (list: Askers | undefined) =>
          endpointPolicy('web', 1, [
            forward(8001, addressOf(1, 2, family), {
              hostAddress: anywhere[family] as IpAddress,
              ...(list !== undefined && { from: cidrsOf(list, family) }),
            }),
          ]);
        for (const [list, answer] of [
          ['host', 'refused'],
          ['both outside', `1.2 ${outside}`],
          ['nobody', 'refused'],
          [undefined, `1.2 ${outside}`],
          ['outside', `1.2 ${outside}`],
        ] as const) {
          await firewall.apply([{ endpoint: withList(list) }]);
          expect(await firewall.inspect()).toEqual([]);
          expect(await lan.ask('outside', host, 8001)).toBe(answer);
        }
      });
    });

    test('nothing is amiss in the rules', async () => {
      expect(await firewall.inspect()).toEqual([]);
    });
  });
});
