// What every firewall backend does. Each test gets a backend that holds nothing yet.
import { expect, test } from 'vitest';
import type { IpAddress } from '../../src/base/cidr.ts';
import type { Firewall } from '../../src/firewall/firewall.ts';
import type { EndpointId, NetworkId } from '../../src/model/ids.ts';
import { endpointPolicy, forward, networkPolicy } from '../kernel/firewall/lan.ts';

export interface FirewallUnderTest extends AsyncDisposable {
  readonly firewall: Firewall;
  /** Takes the backend's rules away behind its back. */
  tamper(): Promise<void>;
}

export interface FirewallContractOptions {
  /** Tests that mean nothing for this backend, by name, and why. */
  readonly skip?: { readonly reason: string; readonly tests: readonly string[] };
}

const address = '10.81.1.2' as IpAddress;
const web = endpointPolicy('web', 1, [forward(8080, address)]);

export function firewallContract(
  start: () => Promise<FirewallUnderTest>,
  { skip }: FirewallContractOptions = {},
): void {
  const check = (name: string, work: (given: FirewallUnderTest) => Promise<void>) => {
    const skipped = skip?.tests.includes(name) === true;
    test.skipIf(skipped)(skipped ? `${name} (${skip?.reason})` : name, async () => {
      await using given = await start();
      await work(given);
    });
  };

  check('what is applied is in force, and applying it again changes nothing', async ({ firewall }) => {
    for (let round = 0; round < 2; round++) {
      await firewall.apply([{ network: networkPolicy(1) }, { endpoint: web }]);
      expect(await firewall.inspect()).toEqual([]);
    }
  });

  check(
    'networks and endpoints are changed and removed, also those that are not there',
    async ({ firewall }) => {
      await firewall.replace({ networks: [networkPolicy(1)], endpoints: [web] });
      const other = endpointPolicy('web', 1, [forward(8081, address), forward(8082, address)]);
      await firewall.apply([{ endpoint: other }, { network: networkPolicy(1, { internal: true }) }]);
      expect(await firewall.inspect()).toEqual([]);
      for (let round = 0; round < 2; round++) {
        await firewall.apply([
          { removedEndpoint: 'web' as EndpointId },
          { removedNetwork: 'network-1' as NetworkId },
        ]);
        expect(await firewall.inspect()).toEqual([]);
      }
    },
  );

  check('networks on one bridge come and go in any order', async ({ firewall }) => {
    const direct = { ipv4: 'all', ipv6: 'all' } as const;
    const source = { ipv4: 'keep', ipv6: 'keep' } as const;
    const [one, two] = [1, 2].map((network) => networkPolicy(network, { ifname: 'cni0', direct, source }));
    if (one === undefined || two === undefined) return;
    await firewall.apply([{ network: one }]);
    await firewall.apply([{ network: two }]);
    expect(await firewall.inspect({ networks: [two, one], endpoints: [] })).toEqual([]);
    await firewall.apply([{ removedNetwork: one.networkId }]);
    expect(await firewall.inspect({ networks: [two], endpoints: [] })).toEqual([]);
    await firewall.apply([{ network: { ...two, subnets: networkPolicy(3).subnets } }]);
    expect(await firewall.inspect()).toEqual([]);
    await firewall.apply([{ removedNetwork: two.networkId }]);
    expect(await firewall.inspect({ networks: [], endpoints: [] })).toEqual([]);
  });

  check('a port goes from one endpoint to another in one change', async ({ firewall }) => {
    await firewall.replace({ networks: [networkPolicy(1)], endpoints: [web] });
    const next = endpointPolicy('next', 1, [forward(8080, address, { port: 81 })]);
    await firewall.apply([{ endpoint: next }, { removedEndpoint: 'web' as EndpointId }]);
    expect(await firewall.inspect()).toEqual([]);
  });

  check('changes asked for at once are all made', async ({ firewall }) => {
    const ports = Array.from({ length: 20 }, (_, i) =>
      endpointPolicy(`e${i}`, 1, [forward(9000 + i, address)]),
    );
    await firewall.replace({ networks: [networkPolicy(1)], endpoints: [] });
    await Promise.all(ports.map((endpoint) => firewall.apply([{ endpoint }])));
    expect(await firewall.inspect()).toEqual([]);
    await Promise.all(ports.map(({ endpointId }) => firewall.apply([{ removedEndpoint: endpointId }])));
    expect(await firewall.inspect()).toEqual([]);
  });

  check('a port that leads to two places is a conflict, and nothing changes', async ({ firewall }) => {
    await firewall.replace({ networks: [networkPolicy(1)], endpoints: [web] });
    const rival = endpointPolicy('rival', 1, [forward(8080, address, { port: 81 })]);
    await expect(firewall.apply([{ endpoint: rival }])).rejects.toMatchObject({ code: 'conflict' });
    expect(await firewall.inspect()).toEqual([]);
  });

  check('rules beyond what should be there are found, and gone when replaced', async ({ firewall }) => {
    const state = { networks: [networkPolicy(1)], endpoints: [] };
    await firewall.replace({ ...state, endpoints: [web] });
    expect(await firewall.inspect(state)).not.toEqual([]);
    await firewall.replace(state);
    expect(await firewall.inspect(state)).toEqual([]);
  });

  check('rules taken away by others are missed, and replaced', async ({ firewall, tamper }) => {
    const state = { networks: [networkPolicy(1)], endpoints: [web] };
    await firewall.replace(state);
    await tamper();
    expect(await firewall.inspect()).not.toEqual([]);
    await firewall.replace(state);
    expect(await firewall.inspect()).toEqual([]);
  });
}
