// Links of several sizes on the way, with each firewall backend: segments fit, and who must be told of a small link is told.
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { run, succeeds } from '../../support/own-network.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { backends, enforce } from './backends.ts';
import {
  addressOf,
  bridgeOf,
  bridgings,
  endpointPolicy,
  farAddress,
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

/** Networks: 1 plain, 3 internal, 4 with endpoints that are kept apart, 5 routed. */
const [plain, internal, apart, routed] = [1, 3, 4, 5];
const state = {
  networks: [
    networkPolicy(plain),
    networkPolicy(internal, { internal: true }),
    networkPolicy(apart, { icc: false }),
    networkPolicy(routed, {
      direct: { ipv4: 'ports', ipv6: 'ports' },
      source: { ipv4: 'keep', ipv6: 'keep' },
    }),
  ],
  endpoints: [
    endpointPolicy(
      'plain',
      plain,
      families.map((family) => forward(8090, addressOf(plain, 2, family), { port: 90 })),
    ),
    endpointPolicy(
      'apart',
      apart,
      families.map((family) => forward(8490, addressOf(apart, 2, family), { port: 90 })),
    ),
    endpointPolicy(
      'routed',
      routed,
      families.map((family) => opening(addressOf(routed, 2, family), { port: 90 })),
    ),
  ],
} as const;

/** What a port 90 sends to whoever asks, and what a port 91 is sent and counts. */
const transferBytes = 300_000;

let table: AsyncDisposable;
let lan: Lan;

beforeAll(async () => {
  table = await takeTable();
  lan = await Lan.create();
  await lan.addFar();
  for (const network of [plain, internal, routed]) await lan.addNetwork(network, [2, 3]);
  await lan.addNetwork(apart, [2], { isolated: true });
  for (const place of ['1.2', '4.2', '5.2', 'outside']) {
    await lan.serveProgram(place, 90, `head -c ${transferBytes} /dev/zero`);
  }
  for (const place of ['outside', 'far']) await lan.serveProgram(place, 91, 'wc -c');
}, 160_000);
afterAll(async () => {
  await lan?.[Symbol.asyncDispose]();
  await table?.[Symbol.asyncDispose]();
});

/** How many bytes come from there. */
async function download(place: string, address: string, port: number): Promise<number> {
  const program = `socat -u -T5 TCP${end(address, port)} STDOUT | wc -c`;
  return Number((await lan.run(place, ['sh', '-c', program])).stdout);
}

/** How many bytes the other side says have come. */
async function upload(place: string, address: string, port: number): Promise<number> {
  const program = `head -c ${transferBytes} /dev/zero | socat -t5 -T5 - TCP${end(address, port)}`;
  return Number((await lan.run(place, ['sh', '-c', program])).stdout);
}

function end(address: string, port: number): string {
  return address.includes(':') ? `6:[${address}]:${port}` : `4:${address}:${port}`;
}

/** Sizes announced by what opens connections and comes in there, until the test is over. */
function watchSizes(place: string): { readonly seen: () => string } {
  const path = lan.pathOf(place);
  run('nft add table inet spy', path);
  run('nft add set inet spy sizes { typeof tcp option maxseg size ; flags dynamic ; }', path);
  run('nft add chain inet spy in { type filter hook prerouting priority 0 ; }', path);
  run('nft add rule inet spy in tcp flags & syn == syn add @sizes { tcp option maxseg size }', path);
  onTestFinished(() => void run('nft delete table inet spy', path));
  return {
    seen: () => /elements = \{ ([^}]*) \}/.exec(run('nft list set inet spy sizes', path))?.[1]?.trim() ?? '',
  };
}

function withMtu(link: string, mtu: number, path?: string): void {
  run(`ip link set ${link} mtu ${mtu}`, path);
  onTestFinished(() => void run(`ip link set ${link} mtu 1500`, path));
}

/** Less the headers of IP and TCP. */
function segmentOf(mtu: number, family: Family): string {
  return `${mtu - (family === 4 ? 40 : 60)}`;
}

describe.for(backends)('$name', ({ missing, create }) => {
  describe.skipIf(missing !== undefined)(missing ?? 'here', () => {
    enforce(create, state);

    describe.for(bridgings)('where bridges $bridges', (bridging) => {
      beforeAll(() => setBridging(bridging));

      describe.for(families)('over IPv%i', (family) => {
        describe.for([
          { what: 'the way out', link: 'fwout' },
          { what: 'the network', link: bridgeOf(plain) },
        ])('where $what has the smaller MTU', ({ link }) => {
          const fits = segmentOf(1400, family);

          test('both ends learn it when an endpoint asks', async () => {
            withMtu(link, 1400);
            const [there, here] = [watchSizes('outside'), watchSizes('1.2')];
            expect(await upload('1.2', outsideAddress[family], 91)).toBe(transferBytes);
            expect([there.seen(), here.seen()]).toEqual([fits, fits]);
          });

          test('both ends learn it when a published port is asked', async () => {
            withMtu(link, 1400);
            const [there, here] = [watchSizes('outside'), watchSizes('1.2')];
            expect(await download('outside', hostAddress[family], 8090)).toBe(transferBytes);
            expect([there.seen(), here.seen()]).toEqual([fits, fits]);
          });
        });

        test('a size that fits already stays as it is', async () => {
          const route = `ip -${family} route replace default via ${addressOf(plain, 1, family)}`;
          run(`${route} advmss 900`, lan.pathOf('1.2'));
          onTestFinished(() => void run(route, lan.pathOf('1.2')));
          const there = watchSizes('outside');
          expect(await upload('1.2', outsideAddress[family], 91)).toBe(transferBytes);
          expect(there.seen()).toBe('900');
        });

        test('much is transferred though nobody is told of the small link', async () => {
          withMtu('fwout', 1400);
          for (const place of ['1.2', 'outside']) {
            const path = lan.pathOf(place);
            // Packets go over the wire one by one, as between machines.
            run('ip link set eth0 gso_max_segs 1', path);
            run('nft add table inet deaf', path);
            run('nft add chain inet deaf in { type filter hook prerouting priority 0 ; }', path);
            run('nft add rule inet deaf in icmp type destination-unreachable drop', path);
            run('nft add rule inet deaf in icmpv6 type packet-too-big drop', path);
            onTestFinished(() => {
              run('nft delete table inet deaf', path);
              run('ip link set eth0 gso_max_segs 65535', path);
            });
          }
          expect(await download('1.2', outsideAddress[family], 90)).toBe(transferBytes);
          expect(await upload('1.2', outsideAddress[family], 91)).toBe(transferBytes);
          expect(await download('outside', hostAddress[family], 8090)).toBe(transferBytes);
        });
      });
    });

    describe.for(families)('over IPv%i, with a small link beyond', (family) => {
      const learnt = (place: string) =>
        run(`ip -${family} route get ${farAddress[family]}`, lan.pathOf(place)).includes('mtu 1300');
      const withSmallLink = (place: string) => {
        withMtu('fwfar', 1300, lan.pathOf('outside'));
        succeeds(`ip -${family} route flush cache`, lan.pathOf(place));
        expect(learnt(place)).toBe(false);
      };

      test.for([
        { what: 'of a published port', place: '1.2', address: hostAddress[family], port: 8090 },
        { what: 'of a published port, kept apart', place: '4.2', address: hostAddress[family], port: 8490 },
        { what: 'of a routed network', place: '5.2', address: addressOf(routed, 2, family), port: 90 },
      ])('an endpoint $what is told', async ({ place, address, port }) => {
        run(
          `ip -${family} route replace ${addressOf(routed, 0, family)}/${family === 4 ? 24 : 64} via ${hostAddress[family]}`,
          lan.pathOf('outside'),
        );
        withSmallLink(place);
        expect(await download('far', address, port)).toBe(transferBytes);
        await waitUntil('the endpoint knows', () => learnt(place));
      });

      test('an endpoint that asks is told', async () => {
        withSmallLink('1.2');
        expect(await upload('1.2', farAddress[family], 91)).toBe(transferBytes);
        await waitUntil('the endpoint knows', () => learnt('1.2'));
      });
    });

    test.for(bridgings)(
      'an internal endpoint is told of ports nobody has where bridges $bridges',
      async (bridging) => {
        setBridging(bridging);
        for (const family of families) {
          const address = addressOf(internal, 3, family);
          expect(await lan.askUdp(`${internal}.2`, address, 99, 0)).toBe('refused');
          expect(await lan.askUdp('host', address, 99, 0)).toBe('refused');
          expect(await lan.askUdp(`${internal}.2`, addressOf(internal, 1, family), 99, 0)).toBe('refused');
        }
      },
    );
  });
});
