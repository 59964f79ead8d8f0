// What every driver keeps to, whatever it makes. Runs in a network namespace of its own.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { IpAddress } from '../../src/base/cidr.ts';
import type { Driver } from '../../src/drivers/driver.ts';
import type { Network } from '../../src/model/network.ts';
import type { PublishedPort } from '../../src/model/port.ts';
import { requireOwnNetwork, showLinks } from '../support/own-network.ts';
import { makeEndpoint, type NetworkSketch } from '../support/records.ts';

export interface DriverCase {
  readonly driver: Driver;
  /** A network of the driver before `resolve`. */
  readonly draft: Network;
  /** Options it takes, under other names or in other forms than the canonical ones, and what they become. */
  readonly options: {
    readonly raw: NonNullable<NetworkSketch['options']>;
    readonly normal: Network['options'];
  };
  /** Addresses an endpoint on it may have. */
  readonly addresses: readonly string[];
  /** What the host must have for it. */
  readonly setUp?: () => void;
  readonly tearDown?: () => void;
}

export function driverContract(make: () => DriverCase): void {
  const { driver, draft, options, addresses, setUp, tearDown } = make();

  const isRoot = process.getuid?.() === 0;
  // Networks are made in the kernel, which takes root.
  describe.skipIf(!isRoot)(`driver ${driver.name}`, () => {
    let network: Network;

    beforeAll(async () => {
      requireOwnNetwork();
      setUp?.();
      network = { ...draft, options: await driver.resolve(draft, []) };
    });

    afterAll(() => tearDown?.());

    test('options are brought into one form, and that form stays as it is', () => {
      expect(driver.normalizeOptions(options.raw)).toEqual(options.normal);
      expect(driver.normalizeOptions(options.normal)).toEqual(options.normal);
    });

    test('an unknown option is refused with the known ones', () => {
      const known = Object.keys(options.normal);
      const refuse = () => driver.normalizeOptions({ colour: 'red' });
      expect(refuse).toThrow(/unknown option colour/);
      for (const name of known) expect(refuse).toThrow(name);
      expect(refuse).toThrow(expect.objectContaining({ code: 'invalid_parameter' }));
    });

    test('resolved options are options', () => {
      expect(driver.normalizeOptions(network.options)).toEqual(network.options);
      if (driver.hasInterfaces) expect(Number(network.options['mtu'])).toBeGreaterThan(0);
    });

    test('a network is made twice and removed twice without harm, and leaves nothing', async () => {
      const before = linkNames();
      await driver.ensureNetwork(network);
      await driver.ensureNetwork(network);
      expect(await driver.inspectNetwork(network)).toEqual([]);
      await driver.removeNetwork(network);
      await driver.removeNetwork(network);
      expect(linkNames()).toEqual(before);
    });

    test('an endpoint gets an attachment exactly where the driver makes interfaces', () => {
      const endpoint = makeEndpoint(network, addresses);
      const attachment = driver.attachment(network, endpoint);
      expect(attachment !== undefined).toBe(driver.hasInterfaces);
      if (attachment === undefined) return;
      expect(attachment).toMatchObject({ ifname: endpoint.ifname, mac: endpoint.mac, addresses });
      expect(attachment.mtuBytes).toBe(Number(network.options['mtu']));
      expect(driver.attachment(network, endpoint)).toEqual(attachment);
    });

    test('an internal network offers no gateway', () => {
      const attachment = driver.attachment({ ...network, internal: true }, makeEndpoint(network, addresses));
      expect(attachment?.gateways ?? {}).toEqual({});
    });

    test('published ports lead to the endpoint exactly where the driver has a gateway', () => {
      const port: PublishedPort = {
        protocol: 'tcp',
        port: 80,
        hostAddress: '0.0.0.0' as IpAddress,
        hostPort: 8080,
      };
      const endpoint = makeEndpoint(network, addresses, { ports: [port] });
      const forwards = driver.forwards(network, endpoint);
      expect(forwards.length > 0).toBe(driver.hasGateway);
      expect(driver.policy(network) !== undefined).toBe(driver.hasGateway);
      for (const forward of forwards)
        expect(forward).toEqual({ ...port, address: addresses[0]?.split('/')[0] });
    });
  });
}

function linkNames(): readonly string[] {
  return showLinks().map(({ ifname }) => ifname);
}
