// What gets through each firewall backend and with which source address, asked by real connections.
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { IpAddress } from '../../../src/base/cidr.ts';
import { ForeignDriver } from '../../../src/drivers/foreign.ts';
import type { PolicyState } from '../../../src/firewall/firewall.ts';
import { run, succeeds } from '../../support/own-network.ts';
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
  outsideAddress,
  setBridging,
} from './lan.ts';
import { takeTable } from './own-table.ts';

let table: AsyncDisposable;
let lan: Lan;

// Networks: 1 and 2 plain, 3 internal, 4 without traffic between its endpoints, 5 with sources of its own, 6 trusting the wire,
// 7 open to everybody, 8 open over IPv4 and without traffic between its endpoints, 9 with the subnets of 19 besides its own,
// 10 made by somebody else.
const foreign = new ForeignDriver();
const foreignNetwork = makeNetwork({
  driver: 'foreign',
  options: { bridge: bridgeOf(10) },
  pools: [{ subnet: '10.81.10.0/24' }, { subnet: 'fd81:10::/64' }],
});
const places = ['1.2', '1.3', '2.2', '3.2', '3.3', '4.2', '4.3', '5.2', '6.2', 'outside'];
const openPlaces = ['7.2', '8.2', '8.3', '9.2', '19.2', '10.2', '10.3'];

beforeAll(async () => {
  table = await takeTable();
  lan = await Lan.create();
  await lan.addNetwork(1, [2, 3]);
  await lan.addNetwork(2, [2]);
  await lan.addNetwork(3, [2, 3]);
  await lan.addNetwork(4, [2, 3], { isolated: true });
  await lan.addNetwork(5, [2]);
  await lan.addNetwork(6, [2]);
  await lan.addNetwork(7, [2]);
  await lan.addNetwork(8, [2, 3], { isolated: true });
  await lan.addNetwork(9, [2]);
  await lan.addNetwork(19, [2], { on: 9 });
  await lan.addNetwork(10, [2, 3], { foreign: true });
  run(`bridge link set dev fwv10.2 hairpin on`);
  await foreign.ensureNetwork(foreignNetwork);
  run(`ip address add 10.82.0.9/24 dev fwout`);
  for (const place of [...places, ...openPlaces]) await lan.serve(place);
}, 120_000);

function desiredState(): PolicyState {
  const source = { ipv4: { address: '10.82.0.9' as IpAddress }, ipv6: 'keep' } as const;
  return {
    networks: [
      networkPolicy(1),
      networkPolicy(2),
      networkPolicy(3, { internal: true }),
      networkPolicy(4, { icc: false }),
      networkPolicy(5, { source }),
      networkPolicy(6, { trustedInterfaces: ['fwout'] }),
      networkPolicy(7, { direct: { ipv4: 'all', ipv6: 'all' } }),
      networkPolicy(8, { icc: false, direct: { ipv4: 'all', ipv6: 'none' } }),
      networkPolicy(9, { subnets: [9, 19].flatMap((network) => networkPolicy(network).subnets) }),
      ...[foreign.policy(foreignNetwork)].filter((policy) => policy !== undefined),
    ],
    endpoints: [
      endpointPolicy('web', 1, [
        forward(8080, addressOf(1, 2)),
        forward(8080, addressOf(1, 2, 6)),
        forward(8081, addressOf(1, 2), { hostAddress: '127.0.0.1' as IpAddress }),
        forward(8082, addressOf(1, 2), { hostAddress: hostAddress[4] as IpAddress }),
        forward(8082, addressOf(1, 2, 6), { hostAddress: hostAddress[6] as IpAddress }),
      ]),
      endpointPolicy('elsewhere', 2, [
        forward(8083, addressOf(2, 2), { keepSource: false }),
        forward(8083, addressOf(2, 2, 6), { keepSource: false }),
      ]),
      endpointPolicy('apart', 4, [forward(8084, addressOf(4, 2))]),
      endpointPolicy('second', 9, [forward(8085, addressOf(19, 2)), forward(8085, addressOf(19, 2, 6))]),
      endpointPolicy('foreign', 10, [
        forward(8086, addressOf(10, 2)),
        forward(8086, addressOf(10, 2, 6)),
        forward(8087, addressOf(10, 2), { hostAddress: '127.0.0.1' as IpAddress }),
        forward(8088, addressOf(10, 3)),
        forward(8089, addressOf(10, 3), { keepSource: false }),
      ]),
    ],
  };
}

afterAll(async () => {
  await lan?.[Symbol.asyncDispose]();
  await table?.[Symbol.asyncDispose]();
});

interface Case {
  readonly what: string;
  readonly from: string;
  readonly to: string;
  readonly port?: number;
  readonly answer: string;
}

const gateway = (network: number, family: 4 | 6 = 4) => addressOf(network, 1, family);

/** How long no answer means silence. */
const silenceSeconds = 0.3;

function checkAnswers(cases: readonly Case[]): void {
  test.for(cases)('$what: $from asks $to', async ({ from, to, port = 80, answer }) => {
    expect(await lan.ask(from, to, port, answer === 'silence' ? silenceSeconds : undefined)).toBe(answer);
  });
}

describe.for(backends)('$name', ({ missing, create }) => {
  describe.skipIf(missing !== undefined)(missing ?? 'here', () => {
    const firewall = enforce(create, desiredState());

    // With br_netfilter the bridges hand what they pass on to the rules as well, and go by them before the host does.
    describe.for(bridgings)('where bridges $bridges', (bridging) => {
      const { callIptables } = bridging;
      beforeAll(() => setBridging(bridging));

      describe('a published port', () => {
        checkAnswers([
          {
            what: 'from outside',
            from: 'outside',
            to: hostAddress[4],
            port: 8080,
            answer: `1.2 ${outsideAddress[4]}`,
          },
          {
            what: 'from outside',
            from: 'outside',
            to: hostAddress[6],
            port: 8080,
            answer: `1.2 ${outsideAddress[6]}`,
          },
          {
            what: 'by a host address from the host',
            from: 'host',
            to: hostAddress[4],
            port: 8080,
            answer: `1.2 ${hostAddress[4]}`,
          },
          {
            what: 'by a host address from the host',
            from: 'host',
            to: hostAddress[6],
            port: 8080,
            answer: `1.2 ${hostAddress[6]}`,
          },
          {
            what: 'by loopback from the host',
            from: 'host',
            to: '127.0.0.1',
            port: 8080,
            answer: `1.2 ${gateway(1)}`,
          },
          {
            what: 'by IPv6 loopback',
            from: 'host',
            to: '::1',
            port: 8080,
            answer: 'refused',
          },
          {
            what: 'by another loopback address',
            from: 'host',
            to: '127.9.9.9',
            port: 8080,
            answer: `1.2 ${gateway(1)}`,
          },
          {
            what: 'by the bridge address',
            from: 'host',
            to: gateway(1),
            port: 8080,
            answer: `1.2 ${gateway(1)}`,
          },
          {
            what: 'from a neighbour on its network',
            from: '1.3',
            to: hostAddress[4],
            port: 8080,
            answer: `1.2 ${gateway(1)}`,
          },
          {
            what: 'from a neighbour on its network',
            from: '1.3',
            to: hostAddress[6],
            port: 8080,
            answer: `1.2 ${gateway(1, 6)}`,
          },
          {
            what: 'from the endpoint itself',
            from: '1.2',
            to: hostAddress[4],
            port: 8080,
            answer: `1.2 ${gateway(1)}`,
          },
          {
            what: 'from the endpoint itself',
            from: '1.2',
            to: hostAddress[6],
            port: 8080,
            answer: `1.2 ${gateway(1, 6)}`,
          },
          {
            what: 'from another network',
            from: '2.2',
            to: hostAddress[4],
            port: 8080,
            answer: `1.2 ${gateway(1)}`,
          },
          {
            what: 'from another network',
            from: '2.2',
            to: hostAddress[6],
            port: 8080,
            answer: `1.2 ${gateway(1, 6)}`,
          },
          {
            what: 'by the gateway of the asker',
            from: '2.2',
            to: gateway(2),
            port: 8080,
            answer: `1.2 ${gateway(1)}`,
          },
          {
            what: 'on one address',
            from: 'outside',
            to: hostAddress[4],
            port: 8082,
            answer: `1.2 ${outsideAddress[4]}`,
          },
          {
            what: 'on one address',
            from: 'outside',
            to: hostAddress[6],
            port: 8082,
            answer: `1.2 ${outsideAddress[6]}`,
          },
          {
            what: 'on one address, by another',
            from: 'outside',
            to: '10.82.0.9',
            port: 8082,
            answer: 'refused',
          },
          {
            what: 'on one address, by loopback',
            from: 'host',
            to: '127.0.0.1',
            port: 8082,
            answer: 'refused',
          },
          {
            what: 'answered by another gateway',
            from: 'outside',
            to: hostAddress[4],
            port: 8083,
            answer: `2.2 ${gateway(2)}`,
          },
          {
            what: 'answered by another gateway',
            from: 'outside',
            to: hostAddress[6],
            port: 8083,
            answer: `2.2 ${gateway(2, 6)}`,
          },
          {
            what: 'of endpoints kept apart',
            from: 'outside',
            to: hostAddress[4],
            port: 8084,
            answer: `4.2 ${outsideAddress[4]}`,
          },
          { what: 'from an internal network', from: '3.2', to: gateway(3), port: 8080, answer: 'silence' },
          { what: 'not published', from: 'outside', to: hostAddress[4], port: 8099, answer: 'refused' },
        ]);
      });

      describe('a port published on 127.0.0.1', () => {
        checkAnswers([
          { what: 'from the host', from: 'host', to: '127.0.0.1', port: 8081, answer: `1.2 ${gateway(1)}` },
          { what: 'by a host address', from: 'host', to: hostAddress[4], port: 8081, answer: 'refused' },
          { what: 'by a host address', from: 'outside', to: hostAddress[4], port: 8081, answer: 'refused' },
          { what: 'by the gateway', from: '1.3', to: gateway(1), port: 8081, answer: 'refused' },
        ]);

        test('is out of reach for neighbours that send packets for 127.0.0.1 to the host', async () => {
          run('sysctl -q -w net.ipv4.conf.fwout.route_localnet=1');
          // Counts what is left after our first chain, which is at priority -300.
          run('nft add table ip spy');
          run('nft add chain ip spy seen { type filter hook prerouting priority -299 ; }');
          run('nft add set ip spy packets { type ifname . inet_service ; flags dynamic ; }');
          run('nft add rule ip spy seen ip daddr 127.0.0.1 add @packets { iifname . tcp dport }');
          onTestFinished(() => void run('nft delete table ip spy'));
          for (const [place, via] of [
            ['outside', hostAddress[4]],
            ['1.3', gateway(1)],
            ['10.3', gateway(10)],
          ] as const) {
            const path = lan.pathOf(place);
            for (const local of ['127.0.0.0/8', '127.0.0.1'])
              succeeds(`ip route del local ${local} dev lo table local`, path);
            run(`ip route replace 127.0.0.0/8 via ${via} dev eth0`, path);
            for (const port of [8081, 8090]) await lan.ask(place, '127.0.0.1', port, silenceSeconds);
          }
          const seen = run('nft list set ip spy packets').replaceAll(/\s+/g, ' ');
          expect(seen).toContain('elements = { "fwout" . 8090 }');
        });
      });

      describe('an endpoint by its own address', () => {
        checkAnswers([
          { what: 'from its network', from: '1.3', to: addressOf(1, 2), answer: `1.2 ${addressOf(1, 3)}` },
          { what: 'from the host', from: 'host', to: addressOf(1, 2), answer: `1.2 ${gateway(1)}` },
          { what: 'from the host', from: 'host', to: addressOf(1, 2, 6), answer: `1.2 ${gateway(1, 6)}` },
          { what: 'from another network', from: '2.2', to: addressOf(1, 2), answer: 'silence' },
          { what: 'from another network', from: '2.2', to: addressOf(1, 2, 6), answer: 'silence' },
          { what: 'from outside', from: 'outside', to: addressOf(1, 2), answer: 'silence' },
          { what: 'from outside', from: 'outside', to: addressOf(1, 2, 6), answer: 'silence' },
          {
            what: 'from a trusted interface',
            from: 'outside',
            to: addressOf(6, 2),
            answer: `6.2 ${outsideAddress[4]}`,
          },
          {
            what: 'from a trusted interface',
            from: 'outside',
            to: addressOf(6, 2, 6),
            answer: `6.2 ${outsideAddress[6]}`,
          },
          {
            what: 'from another network, where the wire is trusted',
            from: '1.2',
            to: addressOf(6, 2),
            answer: 'silence',
          },
          {
            what: 'inside an internal network',
            from: '3.3',
            to: addressOf(3, 2),
            answer: `3.2 ${addressOf(3, 3)}`,
          },
          { what: 'internal, from the host', from: 'host', to: addressOf(3, 2), answer: `3.2 ${gateway(3)}` },
          { what: 'internal, from outside', from: 'outside', to: addressOf(3, 2), answer: 'silence' },
          { what: 'internal, from another network', from: '1.2', to: addressOf(3, 2), answer: 'silence' },
          { what: 'from an internal network', from: '3.2', to: addressOf(1, 2), answer: 'silence' },
          { what: 'kept apart from its neighbour', from: '4.3', to: addressOf(4, 2), answer: 'silence' },
        ]);

        test('is kept apart from its neighbour also when the host routes between them', async () => {
          for (const [place, other] of [
            ['4.2', 3],
            ['4.3', 2],
            ['8.2', 3],
            ['8.3', 2],
            ['1.2', 3],
            ['1.3', 2],
          ] as const) {
            const network = Number(place[0]);
            run(`ip route replace ${addressOf(network, other)} via ${gateway(network)}`, lan.pathOf(place));
          }
          expect(await lan.ask('1.3', addressOf(1, 2), 80)).toBe(`1.2 ${addressOf(1, 3)}`);
          expect(await lan.ask('4.3', addressOf(4, 2), 80, silenceSeconds)).toBe('silence');
          expect(await lan.ask('8.3', addressOf(8, 2), 80, silenceSeconds)).toBe('silence');
        });
      });

      describe('an endpoint open to everybody', () => {
        checkAnswers([
          { what: 'directly', from: 'outside', to: addressOf(7, 2), answer: `7.2 ${outsideAddress[4]}` },
          { what: 'directly', from: 'outside', to: addressOf(7, 2, 6), answer: `7.2 ${outsideAddress[6]}` },
          { what: 'from another network', from: '1.2', to: addressOf(7, 2), answer: `7.2 ${gateway(7)}` },
          {
            what: 'from another network',
            from: '1.2',
            to: addressOf(7, 2, 6),
            answer: `7.2 ${gateway(7, 6)}`,
          },
          { what: 'from an internal network', from: '3.2', to: addressOf(7, 2), answer: 'silence' },
          { what: 'masqueraded', from: '7.2', to: outsideAddress[4], answer: `outside ${hostAddress[4]}` },
          { what: 'by one family', from: 'outside', to: addressOf(8, 2), answer: `8.2 ${outsideAddress[4]}` },
          { what: 'not by the other', from: 'outside', to: addressOf(8, 2, 6), answer: 'silence' },
          { what: 'kept apart from its neighbour', from: '8.3', to: addressOf(8, 2), answer: 'silence' },
        ]);
      });

      describe('a network with two subnets of a family', () => {
        checkAnswers([
          { what: 'one to the other', from: '9.2', to: addressOf(19, 2), answer: `19.2 ${addressOf(9, 2)}` },
          {
            what: 'one to the other',
            from: '19.2',
            to: addressOf(9, 2, 6),
            answer: `9.2 ${addressOf(19, 2, 6)}`,
          },
          { what: 'not directly', from: 'outside', to: addressOf(19, 2), answer: 'silence' },
          { what: 'masqueraded', from: '19.2', to: outsideAddress[4], answer: `outside ${hostAddress[4]}` },
          {
            what: 'published',
            from: 'outside',
            to: hostAddress[4],
            port: 8085,
            answer: `19.2 ${outsideAddress[4]}`,
          },
          {
            what: 'published, to the other subnet',
            from: '9.2',
            to: hostAddress[4],
            port: 8085,
            answer: `19.2 ${gateway(19)}`,
          },
          {
            what: 'published, to the endpoint itself',
            from: '19.2',
            to: hostAddress[6],
            port: 8085,
            answer: `19.2 ${gateway(19, 6)}`,
          },
        ]);
      });

      describe('an endpoint somebody else made', () => {
        checkAnswers([
          { what: 'directly', from: 'outside', to: addressOf(10, 2), answer: `10.2 ${outsideAddress[4]}` },
          {
            what: 'with its own source',
            from: '10.2',
            to: outsideAddress[4],
            answer: `outside ${addressOf(10, 2)}`,
          },
          {
            what: 'from its network',
            from: '10.3',
            to: addressOf(10, 2),
            answer: `10.2 ${addressOf(10, 3)}`,
          },
          {
            what: 'published',
            from: 'outside',
            to: hostAddress[4],
            port: 8086,
            answer: `10.2 ${outsideAddress[4]}`,
          },
          {
            what: 'published',
            from: 'outside',
            to: hostAddress[6],
            port: 8086,
            answer: `10.2 ${outsideAddress[6]}`,
          },
          { what: 'by loopback', from: 'host', to: '127.0.0.1', port: 8086, answer: `10.2 ${gateway(10)}` },
          {
            what: 'on loopback alone',
            from: 'host',
            to: '127.0.0.1',
            port: 8087,
            answer: `10.2 ${gateway(10)}`,
          },
          { what: 'on loopback alone', from: 'outside', to: hostAddress[4], port: 8087, answer: 'refused' },
          {
            what: 'from a neighbour',
            from: '10.3',
            to: hostAddress[4],
            port: 8086,
            answer: `10.2 ${gateway(10)}`,
          },
          {
            what: 'from itself',
            from: '10.2',
            to: hostAddress[4],
            port: 8086,
            answer: `10.2 ${gateway(10)}`,
          },
          {
            what: 'from itself',
            from: '10.2',
            to: hostAddress[6],
            port: 8086,
            answer: `10.2 ${gateway(10, 6)}`,
          },
          {
            what: 'from another network',
            from: '1.2',
            to: hostAddress[4],
            port: 8086,
            answer: `10.2 ${gateway(10)}`,
          },
          {
            what: 'answered by another gateway',
            from: 'outside',
            to: hostAddress[4],
            port: 8089,
            answer: `10.3 ${gateway(10)}`,
          },
        ]);

        // Where they do, they send the packet back out of its port themselves, which whoever made the port has to allow.
        test.skipIf(callIptables === 1)(
          'published, from itself where its port does not turn packets round',
          async () => {
            expect(await lan.ask('10.3', hostAddress[4], 8088)).toBe(`10.3 ${gateway(10)}`);
          },
        );
      });

      describe('the world outside', () => {
        checkAnswers([
          { what: 'masqueraded', from: '1.2', to: outsideAddress[4], answer: `outside ${hostAddress[4]}` },
          { what: 'masqueraded', from: '1.2', to: outsideAddress[6], answer: `outside ${hostAddress[6]}` },
          {
            what: 'from an address of its own',
            from: '5.2',
            to: outsideAddress[4],
            answer: 'outside 10.82.0.9',
          },
          {
            what: 'with its own source',
            from: '5.2',
            to: outsideAddress[6],
            answer: `outside ${addressOf(5, 2, 6)}`,
          },
          { what: 'from an internal network', from: '3.2', to: outsideAddress[4], answer: 'silence' },
          { what: 'from an internal network', from: '3.2', to: outsideAddress[6], answer: 'silence' },
        ]);
      });

      // Where they do, they translate the packet themselves, and do not pass it from one isolated port to another.
      test.skipIf(callIptables === 1)(
        'a published port of an endpoint kept apart: its neighbour asks',
        async () => {
          expect(await lan.ask('4.3', hostAddress[4], 8084)).toBe(`4.2 ${gateway(4)}`);
        },
      );
    });

    test('nothing is amiss in the rules', async () => {
      expect(await firewall.inspect()).toEqual([]);
    });
  });
});
