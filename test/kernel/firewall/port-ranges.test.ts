// Ranges of published ports in each firewall backend: every port of one leads to its own, asked by real connections.
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { IpAddress } from '../../../src/base/cidr.ts';
import type { EndpointPolicy, PortForward } from '../../../src/model/policy.ts';
import type { Protocol } from '../../../src/model/port.ts';
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
const protocols = ['tcp', 'udp'] as const satisfies readonly Protocol[];
const anywhere = { 4: '0.0.0.0', 6: '::' } as const;
/** A further address of the host. */
const otherAddress = { 4: '10.82.0.9', 6: 'fd82::9' } as const;

/** Routed: its ports are open at its own address. */
const routed = 2;

interface Range {
  readonly what: string;
  readonly hostAddress: Readonly<Partial<Record<Family, string>>>;
  readonly hostPort: number;
  readonly port: number;
}

const size = 10;
const unshifted: Range = { what: 'on every address', hostAddress: anywhere, hostPort: 8000, port: 8000 };
const ranges: readonly Range[] = [
  unshifted,
  { what: 'on every address, shifted', hostAddress: anywhere, hostPort: 9000, port: 7000 },
  { what: 'on one address', hostAddress, hostPort: 8100, port: 8100 },
  { what: 'on one address, shifted', hostAddress, hostPort: 9100, port: 7100 },
];
const loopbackRanges: readonly Range[] = [
  { what: 'on 127.0.0.1', hostAddress: { 4: '127.0.0.1' }, hostPort: 8200, port: 8200 },
  { what: 'on 127.0.0.1, shifted', hostAddress: { 4: '127.0.0.1' }, hostPort: 9200, port: 7200 },
];

/** One forward for each port, as the records have them. */
function forwardsOf({ hostAddress, hostPort, port }: Range): readonly PortForward[] {
  return families.flatMap((family) => {
    const on = hostAddress[family] as IpAddress | undefined;
    if (on === undefined) return [];
    return protocols.flatMap((protocol) =>
      offsets(size).map((i) =>
        forward(hostPort + i, addressOf(1, 2, family), { port: port + i, hostAddress: on, protocol }),
      ),
    );
  });
}

function openings(first: number): readonly PortForward[] {
  return families.flatMap((family) =>
    protocols.flatMap((protocol) =>
      offsets(size).map((i) => opening(addressOf(routed, 2, family), { port: first + i, protocol })),
    ),
  );
}

function offsets(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => i);
}

function web(forwards: readonly PortForward[]): EndpointPolicy {
  return endpointPolicy('web', 1, forwards);
}

const everything = [...ranges, ...loopbackRanges].flatMap(forwardsOf);
const state = {
  networks: [
    networkPolicy(1),
    networkPolicy(routed, {
      direct: { ipv4: 'ports', ipv6: 'ports' },
      source: { ipv4: 'keep', ipv6: 'keep' },
    }),
  ],
  endpoints: [web(everything), endpointPolicy('routed', routed, openings(8300))],
} as const;

let table: AsyncDisposable;
let lan: Lan;

beforeAll(async () => {
  table = await takeTable();
  lan = await Lan.create();
  await lan.addNetwork(1, [2, 3]);
  await lan.addNetwork(routed, [2]);
  run(`ip address add ${otherAddress[4]}/24 dev fwout`);
  run(`ip address add ${otherAddress[6]}/64 dev fwout nodad preferred_lft 0`);
  for (const { port } of [...ranges, ...loopbackRanges]) await lan.serveRange('1.2', port, port + size);
  await lan.serveRange(`${routed}.2`, 8299, 8300 + size);
  setBridging(bridgings[1]);
}, 160_000);
afterAll(async () => {
  await lan?.[Symbol.asyncDispose]();
  await table?.[Symbol.asyncDispose]();
});

function ask(
  protocol: Protocol,
  from: string,
  address: string,
  port: number,
  patienceSeconds?: number,
): Promise<string> {
  if (protocol === 'tcp') return lan.ask(from, address, port, patienceSeconds);
  return lan.askUdp(from, address, port, 0, patienceSeconds);
}

/** How long no answer means silence. */
const silenceSeconds = 0.3;

/** Within a range, at its ends, and beside it. */
const inside = [0, 4, size - 1];
const beside = [-1, size];

const ways = families.flatMap((family) => protocols.map((protocol) => ({ family, protocol })));

describe.for(backends)('$name', ({ name, missing, create }) => {
  describe.skipIf(missing !== undefined)(missing ?? 'here', () => {
    const firewall = enforce(create, state);

    describe.for(ways)('$protocol over IPv$family', ({ family, protocol }) => {
      test.for(ranges)('$what: each port leads to its own', async ({ hostPort, port }) => {
        const asked = (offsets: readonly number[]) =>
          Promise.all(offsets.map((i) => ask(protocol, 'outside', hostAddress[family], hostPort + i)));
        expect(await asked(inside)).toEqual(inside.map((i) => `1.2:${port + i} ${outsideAddress[family]}`));
        expect(await asked(beside)).toEqual(beside.map(() => 'refused'));
      });

      test('on one address, not by another', async () => {
        expect(await ask(protocol, 'outside', otherAddress[family], 8104)).toBe('refused');
        expect(await ask(protocol, 'outside', otherAddress[family], 9104)).toBe('refused');
      });

      test('from the endpoint itself', async () => {
        const gateway = addressOf(1, 1, family);
        expect(await ask(protocol, '1.2', hostAddress[family], 8004)).toBe(`1.2:8004 ${gateway}`);
        expect(await ask(protocol, '1.2', hostAddress[family], 9004)).toBe(`1.2:7004 ${gateway}`);
      });

      test('open at an endpoint of a routed network', async () => {
        const address = addressOf(routed, 2, family);
        const asked = (offsets: readonly number[], patienceSeconds?: number) =>
          Promise.all(offsets.map((i) => ask(protocol, 'outside', address, 8300 + i, patienceSeconds)));
        expect(await asked(inside)).toEqual(inside.map((i) => `2.2:${8300 + i} ${outsideAddress[family]}`));
        expect(await asked(beside, silenceSeconds)).toEqual(beside.map(() => 'silence'));
      });
    });

    describe.for(protocols)('%s', (protocol) => {
      test.for(loopbackRanges)('$what: for the host alone', async ({ hostPort, port }) => {
        const answers = await Promise.all(
          inside.map((i) => ask(protocol, 'host', '127.0.0.1', hostPort + i)),
        );
        expect(answers).toEqual(inside.map((i) => `1.2:${port + i} ${addressOf(1, 1)}`));
        expect(await ask(protocol, 'host', '127.0.0.1', hostPort + size)).toBe('refused');
        expect(await ask(protocol, 'outside', hostAddress[4], hostPort)).toBe('refused');
      });
    });

    test('a client that asks two addresses of the host from one port is led to the same port', async () => {
      for (const hostPort of [8004, 9004]) {
        const port = hostPort === 8004 ? 8004 : 7004;
        const sourcePort = 30_000 + hostPort;
        for (const address of [hostAddress[4], otherAddress[4]]) {
          expect(await lan.askUdp('outside', address, hostPort, sourcePort)).toBe(
            `1.2:${port} ${outsideAddress[4]}`,
          );
        }
      }
    });

    test('one port of a range is taken back, the others stay', async () => {
      onTestFinished(() => firewall.replace(state));
      for (const first of [8000, 8100, 9000]) {
        const gone = first + 4;
        await firewall.apply([{ endpoint: web(everything.filter(({ hostPort }) => hostPort !== gone)) }]);
        expect(await firewall.inspect()).toEqual([]);
        const to = first === 9000 ? 7000 : first;
        for (const protocol of protocols) {
          expect(await ask(protocol, 'outside', hostAddress[4], gone)).toBe('refused');
          for (const i of [3, 5]) {
            expect(await ask(protocol, 'outside', hostAddress[4], first + i)).toBe(
              `1.2:${to + i} ${outsideAddress[4]}`,
            );
          }
        }
        await firewall.apply([{ endpoint: web(everything) }]);
        expect(await ask('tcp', 'outside', hostAddress[6], gone)).toBe(`1.2:${to + 4} ${outsideAddress[6]}`);
      }
      const routedPorts = openings(8300).filter(({ port }) => port !== 8304);
      await firewall.apply([{ endpoint: endpointPolicy('routed', routed, routedPorts) }]);
      const address = addressOf(routed, 2);
      expect(await lan.ask('outside', address, 8304, 0.3)).toBe('silence');
      expect(await lan.ask('outside', address, 8305)).toBe(`2.2:8305 ${outsideAddress[4]}`);
    });

    test('a port beside a range grows it', async () => {
      onTestFinished(() => firewall.replace(state));
      const more = forward(8010, addressOf(1, 2), { port: 8010 });
      await firewall.apply([{ endpoint: web([...everything, more]) }]);
      expect(await firewall.inspect()).toEqual([]);
      expect(await lan.ask('outside', hostAddress[4], 8010)).toBe(`1.2:8010 ${outsideAddress[4]}`);
      expect(await lan.ask('outside', hostAddress[4], 8009)).toBe(`1.2:8009 ${outsideAddress[4]}`);
    });

    test('nothing is amiss in the rules', async () => {
      expect(await firewall.inspect()).toEqual([]);
    });

    if (name !== 'nftables') return;
    test('a range is one element', async () => {
      onTestFinished(() => firewall.replace(state));
      await firewall.replace({ networks: [networkPolicy(1)], endpoints: [] });
      const before = countElements();
      const range = forwardsOf(unshifted).filter(
        ({ protocol, hostAddress }) => protocol === 'tcp' && hostAddress === '0.0.0.0',
      );
      await firewall.apply([{ endpoint: web(range) }]);
      expect(countElements() - before).toBe(1);
    });
  });
});

interface ShownSet {
  readonly elem?: readonly unknown[];
}

/** In all sets and maps of the table. */
function countElements(): number {
  const { nftables } = JSON.parse(run('nft -j list table inet fairlead')) as {
    readonly nftables: readonly { readonly set?: ShownSet; readonly map?: ShownSet }[];
  };
  return nftables.reduce((sum, { set, map }) => sum + ((set ?? map)?.elem?.length ?? 0), 0);
}
