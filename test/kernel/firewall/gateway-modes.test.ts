// Who reaches whom in each gateway mode, over IPv4 and IPv6, asked by real connections.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { IpAddress } from '../../../src/base/cidr.ts';
import { BridgeDriver } from '../../../src/drivers/bridge/bridge.ts';
import type { PolicyState } from '../../../src/firewall/firewall.ts';
import type { NetworkPolicy } from '../../../src/model/policy.ts';
import { run } from '../../support/own-network.ts';
import { makeNetwork } from '../../support/records.ts';
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
  opening,
  outsideAddress,
  setBridging,
} from './lan.ts';
import { takeTable } from './own-table.ts';

const driver = new BridgeDriver();
let table: AsyncDisposable;
let lan: Lan;

/** One network for each mode, and 9 for an asker on another one. The endpoint .2 serves port 80, published, and 81, not. */
const networks = { nat: 1, 'nat-unprotected': 2, routed: 3, isolated: 4 } as const;
/** Routed, its endpoints kept apart; routed over IPv6 alone; leaving with addresses of its own. */
const [apart, half, sourced, other] = [5, 6, 7, 9];
const ownSource = { 4: '10.82.0.9', 6: 'fd82::9' } as const;
const families = [4, 6] as const;
/** How long no answer means silence; ping counts whole seconds. */
const silenceSeconds = 0.3;
const pingSilenceSeconds = 1;

beforeAll(async () => {
  table = await takeTable();
  lan = await Lan.create();
  for (const network of Object.values(networks)) await lan.addNetwork(network, [2, 3]);
  await lan.addNetwork(apart, [2, 3], { isolated: true });
  for (const network of [half, sourced, other]) await lan.addNetwork(network, [2]);
  run(`ip address flush dev ${bridgeOf(networks.isolated)} scope global`);
  run(`ip address add ${ownSource[4]}/24 dev fwout`);
  run(`ip address add ${ownSource[6]}/64 dev fwout nodad preferred_lft 0`);
  for (const place of ['1.2', '2.2', '3.2', '4.2', '5.2', '6.2', 'outside']) {
    await lan.serve(place);
    await lan.serve(place, 81);
  }
}, 120_000);

function desiredState(): PolicyState {
  return {
    networks: [
      ...Object.entries(networks).map(([mode, network]) =>
        policy(network, { gateway_mode_ipv4: mode, gateway_mode_ipv6: mode }, mode === 'isolated'),
      ),
      policy(apart, { gateway_mode_ipv4: 'routed', gateway_mode_ipv6: 'routed', icc: 'false' }),
      policy(half, { gateway_mode_ipv6: 'routed' }),
      policy(sourced, { host_ipv4: ownSource[4], host_ipv6: ownSource[6] }),
      policy(other, {}),
    ],
    endpoints: [
      endpointPolicy('nat', 1, published(8081, 1)),
      endpointPolicy('nat-unprotected', 2, published(8082, 2)),
      endpointPolicy('routed', 3, opened(3)),
      endpointPolicy('apart', apart, opened(apart)),
      endpointPolicy('half', half, [forward(8086, addressOf(half, 2)), opening(addressOf(half, 2, 6))]),
    ],
  };
}

afterAll(async () => {
  await lan?.[Symbol.asyncDispose]();
  await table?.[Symbol.asyncDispose]();
});

/** What the driver makes of these options. */
function policy(network: number, options: Readonly<Record<string, string>>, internal = false): NetworkPolicy {
  const { networkId, ifname, subnets } = networkPolicy(network);
  const pools = subnets.map((subnet) => ({ subnet }));
  const record = makeNetwork({
    driver: 'bridge',
    ipv6: true,
    options: { ...options, bridge: ifname },
    pools,
  });
  return { ...driver.policy({ ...record, internal }), networkId };
}

function published(hostPort: number, network: number) {
  return families.map((family) => forward(hostPort, addressOf(network, 2, family)));
}

function opened(network: number) {
  return families.map((family) => opening(addressOf(network, 2, family)));
}

type Mode = keyof typeof networks;
type Asker = 'neighbour' | 'other network' | 'host' | 'outside';
/** Whom the endpoint sees asking; undefined where it sees nobody. */
type Seen = 'asker' | 'gateway' | undefined;

interface Row {
  readonly mode: Mode;
  readonly asker: Asker;
  readonly published: Seen;
  readonly unpublished: Seen;
  readonly ping: boolean;
}

const rows: readonly Row[] = [
  { mode: 'nat', asker: 'neighbour', published: 'asker', unpublished: 'asker', ping: true },
  { mode: 'nat', asker: 'other network', published: undefined, unpublished: undefined, ping: false },
  { mode: 'nat', asker: 'host', published: 'gateway', unpublished: 'gateway', ping: true },
  { mode: 'nat', asker: 'outside', published: undefined, unpublished: undefined, ping: false },
  { mode: 'nat-unprotected', asker: 'neighbour', published: 'asker', unpublished: 'asker', ping: true },
  {
    mode: 'nat-unprotected',
    asker: 'other network',
    published: 'gateway',
    unpublished: 'gateway',
    ping: true,
  },
  { mode: 'nat-unprotected', asker: 'host', published: 'gateway', unpublished: 'gateway', ping: true },
  { mode: 'nat-unprotected', asker: 'outside', published: 'asker', unpublished: 'asker', ping: true },
  { mode: 'routed', asker: 'neighbour', published: 'asker', unpublished: 'asker', ping: true },
  { mode: 'routed', asker: 'other network', published: 'gateway', unpublished: undefined, ping: true },
  { mode: 'routed', asker: 'host', published: 'gateway', unpublished: 'gateway', ping: true },
  { mode: 'routed', asker: 'outside', published: 'asker', unpublished: undefined, ping: true },
  { mode: 'isolated', asker: 'neighbour', published: 'asker', unpublished: 'asker', ping: true },
  { mode: 'isolated', asker: 'other network', published: undefined, unpublished: undefined, ping: false },
  { mode: 'isolated', asker: 'host', published: undefined, unpublished: undefined, ping: false },
  { mode: 'isolated', asker: 'outside', published: undefined, unpublished: undefined, ping: false },
];
const cases = families.flatMap((family) => rows.map((row) => ({ ...row, family })));

function placeOf(mode: Mode, asker: Asker): string {
  if (asker === 'neighbour') return `${networks[mode]}.3`;
  return asker === 'other network' ? `${other}.2` : asker;
}

function seenAddress(mode: Mode, asker: Asker, seen: Seen, family: 4 | 6): string {
  if (seen === 'gateway') return addressOf(networks[mode], 1, family);
  return asker === 'outside' ? outsideAddress[family] : addressOf(networks[mode], 3, family);
}

describe.for(backends)('$name', ({ missing, create }) => {
  describe.skipIf(missing !== undefined)(missing ?? 'here', () => {
    const firewall = enforce(create, desiredState());

    describe.for(bridgings)('where bridges $bridges', (bridging) => {
      beforeAll(() => setBridging(bridging));

      describe('an endpoint by its own address', () => {
        test.for(cases)(
          '$mode, IPv$family, asked from $asker',
          async ({ mode, family, asker, ...expected }) => {
            const place = placeOf(mode, asker);
            const address = addressOf(networks[mode], 2, family);
            for (const [port, seen] of [
              [80, expected.published],
              [81, expected.unpublished],
            ] as const) {
              const answer = await lan.ask(
                place,
                address,
                port,
                seen === undefined ? silenceSeconds : undefined,
              );
              const wanted = `${networks[mode]}.2 ${seenAddress(mode, asker, seen, family)}`;
              if (seen !== undefined) expect(answer).toBe(wanted);
              else expect(answer).toMatch(/^silence$|unreachable/);
            }
            const patience = expected.ping ? undefined : pingSilenceSeconds;
            expect(await lan.answersPing(place, address, patience)).toBe(expected.ping);
          },
        );
      });

      describe.for(families)('over IPv%i', (family) => {
        test.for([
          ['nat', `outside ${hostAddress[family]}`],
          ['nat-unprotected', `outside ${hostAddress[family]}`],
          ['routed', `outside ${addressOf(networks.routed, 2, family)}`],
        ] as const)('%s: the world sees %s', async ([mode, answer]) => {
          expect(await lan.ask(`${networks[mode]}.2`, outsideAddress[family], 80)).toBe(answer);
        });

        test('isolated: the world sees nobody', async () => {
          expect(await lan.ask('4.2', outsideAddress[family], 80, silenceSeconds)).toMatch(
            /^silence$|No route/,
          );
        });

        test('a network with a source of its own: the world sees that', async () => {
          const answer = await lan.ask(`${sourced}.2`, outsideAddress[family], 80);
          expect(answer).toBe(`outside ${ownSource[family]}`);
        });

        test('a routed endpoint reaches what another network publishes, under its own address', async () => {
          const own = addressOf(networks.routed, 2, family);
          expect(await lan.ask('3.2', hostAddress[family], 8081)).toBe(`1.2 ${own}`);
        });

        test('a routed endpoint has no port on the host', async () => {
          expect(await lan.ask('outside', hostAddress[family], 80)).toBe('refused');
          expect(await lan.ask('host', family === 4 ? '127.0.0.1' : '::1', 80)).toBe('refused');
        });

        test('routed and kept apart: others reach the port, a neighbour that goes by the host nothing else', async () => {
          const target = addressOf(apart, 2, family);
          for (const [place, number] of [
            [`${apart}.3`, 2],
            [`${apart}.2`, 3],
          ] as const) {
            const to = addressOf(apart, number, family);
            run(`ip -${family} route replace ${to} via ${addressOf(apart, 1, family)}`, lan.pathOf(place));
          }
          expect(await lan.ask('outside', target, 80)).toBe(`5.2 ${outsideAddress[family]}`);
          expect(await lan.ask(`${apart}.3`, target, 81, silenceSeconds)).toBe('silence');
          expect(await lan.answersPing(`${apart}.3`, target, pingSilenceSeconds)).toBe(false);
          expect(await lan.answersPing('outside', target)).toBe(true);
        });
      });

      test('routed over one family alone, the other is translated', async () => {
        expect(await lan.ask('outside', addressOf(half, 2, 6), 80)).toBe(`6.2 ${outsideAddress[6]}`);
        expect(await lan.ask('outside', hostAddress[4], 8086)).toBe(`6.2 ${outsideAddress[4]}`);
        expect(await lan.ask('outside', addressOf(half, 2), 80, silenceSeconds)).toBe('silence');
        expect(await lan.answersPing('outside', addressOf(half, 2), pingSilenceSeconds)).toBe(false);
        expect(await lan.ask('6.2', outsideAddress[4], 80)).toBe(`outside ${hostAddress[4]}`);
        expect(await lan.ask('6.2', outsideAddress[6], 80)).toBe(`outside ${addressOf(half, 2, 6)}`);
      });
    });

    test('a port that is opened answers, and is closed again when taken back', async () => {
      const address = addressOf(networks.routed, 2) as IpAddress;
      const ports = (...more: number[]) =>
        endpointPolicy('routed', 3, [...opened(3), ...more.map((port) => opening(address, { port }))]);
      await firewall.apply([{ endpoint: ports(81) }]);
      expect(await lan.ask('outside', address, 81)).toBe(`3.2 ${outsideAddress[4]}`);
      expect(await firewall.inspect()).toEqual([]);
      await firewall.apply([{ endpoint: ports() }]);
      expect(await lan.ask('outside', address, 81, silenceSeconds)).toBe('silence');
    });
  });
});
