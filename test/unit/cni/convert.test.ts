import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  familyOf,
  type IpAddress,
  subnetOf,
  toInterfaceAddress,
  toIpAddress,
} from '../../../src/base/cidr.ts';
import { decodeResult, encodeResult, printResult } from '../../../src/cni/convert.ts';
import { parseFields } from '../../../src/cni/fields.ts';
import type { CniInterface, CniIp, CniResult, CniRoute } from '../../../src/cni/result.ts';
import { type CniVersion, cniVersions, isAtLeast } from '../../../src/cni/versions.ts';
import { cniError } from './requests.ts';

const dual = {
  interfaces: [
    { name: 'cni0', mac: 'aa:5d:a7:cf:76:33', mtu: 1500 },
    { name: 'veth0', mac: '56:9e:cb:7d:11:9a' },
    { name: 'eth0', mac: 'fe:c8:2c:af:64:89', mtu: 1400, sandbox: '/run/netns/a', pciID: '0000:00:1f.6' },
  ],
  ips: [
    { address: '10.9.0.2/24', gateway: '10.9.0.1', interface: 2 },
    { address: '10.9.1.2/24', interface: 0 },
    { address: 'fd99::2/64', gateway: 'fd99::1', interface: 2 },
  ],
  routes: [
    { dst: '0.0.0.0/0' },
    { dst: 'fd00::/8', gw: 'fd99::9', mtu: 1300, advmss: 1200, priority: 7, table: 100, scope: 0 },
  ],
  dns: { nameservers: ['10.9.0.1'], domain: 'lab', search: ['lab'], options: ['ndots:1'] },
} as unknown as CniResult;

const decode = (value: object, fallback: CniVersion = '1.1.0') =>
  decodeResult(parseFields(JSON.stringify(value), 'the result'), fallback);

/** As it is after passing through a version: what that one cannot say is lost. */
function reduced(result: CniResult, version: CniVersion): CniResult {
  const { interfaces, ips, routes, dns } = result;
  if (isAtLeast(version, '1.1.0')) return result;
  const plain = routes.map(({ dst, gw }) => ({ dst, ...(gw !== undefined && { gw }) }));
  if (isAtLeast(version, '0.3.0')) {
    return {
      interfaces: interfaces.map(({ mtu, socketPath, pciID, ...rest }) => rest),
      ips,
      routes: plain,
      dns,
    };
  }
  const kept = [4, 6].flatMap((family) => ips.find(({ address }) => familyOf(address) === family) ?? []);
  const sorted = [4, 6].flatMap((family) => plain.filter(({ dst }) => familyOf(dst) === family));
  return {
    interfaces: [],
    ips: kept.map(({ interface: index, ...ip }) => ip),
    routes: sorted.filter(({ dst }) => kept.some(({ address }) => familyOf(address) === familyOf(dst))),
    dns,
  };
}

const address = fc.oneof(
  fc.bigInt({ min: 1n, max: 0xffff_fffen }).map((value) => toIpAddress(value, 4)),
  fc.bigInt({ min: 1n << 120n, max: 1n << 127n }).map((value) => toIpAddress(value, 6)),
);
const interfaceAddress = fc
  .tuple(address, fc.nat({ max: 32 }))
  .map(([ip, prefix]) => toInterfaceAddress(ip as IpAddress, prefix));
const positive = fc.integer({ min: 1, max: 65_535 });
const word = fc.stringMatching(/^[a-z0-9/.:]{1,20}$/);
const words = fc.array(word, { minLength: 1, maxLength: 3 });
const anInterface: fc.Arbitrary<CniInterface> = fc.record(
  { name: word, mac: word, mtu: positive, sandbox: word, socketPath: word, pciID: word },
  { requiredKeys: ['name'] },
);
const anIp = fc.record(
  { address: interfaceAddress, gateway: address, interface: fc.nat({ max: 5 }) },
  { requiredKeys: ['address'] },
) as fc.Arbitrary<CniIp>;
const aRoute = fc.record(
  {
    dst: interfaceAddress.map(subnetOf),
    gw: address,
    mtu: positive,
    advmss: positive,
    priority: positive,
    table: fc.nat({ max: 500 }),
    scope: fc.nat({ max: 255 }),
  },
  { requiredKeys: ['dst'] },
) as fc.Arbitrary<CniRoute>;
const aResult: fc.Arbitrary<CniResult> = fc.record({
  interfaces: fc.array(anInterface, { maxLength: 4 }),
  ips: fc.array(anIp, { minLength: 1, maxLength: 4 }),
  routes: fc.array(aRoute, { maxLength: 4 }),
  dns: fc.record({ nameservers: words, domain: word, search: words, options: words }, { requiredKeys: [] }),
});

describe('results', () => {
  test.each(cniVersions)('of %s say all that version can, and are read back', (version) => {
    expect(decode(JSON.parse(printResult(dual, version)))).toEqual(reduced(dual, version));
  });

  test('whatever they hold, are read back from any version', () => {
    fc.assert(
      fc.property(aResult, fc.constantFrom(...cniVersions), (result, version) => {
        expect(decode(JSON.parse(printResult(result, version)))).toEqual(reduced(result, version));
      }),
    );
  });

  test('of one version, read and written in another, lose no more than that one loses', () => {
    const versions = fc.constantFrom(...cniVersions);
    fc.assert(
      fc.property(aResult, versions, versions, (result, via, version) => {
        const passed = decode(JSON.parse(printResult(result, via)));
        expect(encodeResult(passed, version)).toEqual(encodeResult(reduced(result, via), version));
      }),
    );
  });

  test('before 0.3.0 have the first address of each family, with its routes', () => {
    expect(encodeResult(dual, '0.2.0')).toEqual({
      cniVersion: '0.2.0',
      ip4: { ip: '10.9.0.2/24', gateway: '10.9.0.1', routes: [{ dst: '0.0.0.0/0' }] },
      ip6: { ip: 'fd99::2/64', gateway: 'fd99::1', routes: [{ dst: 'fd00::/8', gw: 'fd99::9' }] },
      dns: { nameservers: ['10.9.0.1'], domain: 'lab', search: ['lab'], options: ['ndots:1'] },
    });
  });

  test('before 0.3.0 cannot be without addresses', () => {
    expect(() => encodeResult({ ...dual, ips: [] }, '0.1.0')).toThrow(
      cniError(1, /0\.1\.0.*without addresses/),
    );
  });

  test.each(['0.3.0', '0.3.1', '0.4.0'] as const)('of %s name the family of each address', (version) => {
    expect(encodeResult({ ...dual, dns: {}, routes: [] }, version)).toEqual({
      cniVersion: version,
      interfaces: [
        { name: 'cni0', mac: 'aa:5d:a7:cf:76:33' },
        { name: 'veth0', mac: '56:9e:cb:7d:11:9a' },
        { name: 'eth0', mac: 'fe:c8:2c:af:64:89', sandbox: '/run/netns/a' },
      ],
      ips: [
        { address: '10.9.0.2/24', gateway: '10.9.0.1', interface: 2, version: '4' },
        { address: '10.9.1.2/24', interface: 0, version: '4' },
        { address: 'fd99::2/64', gateway: 'fd99::1', interface: 2, version: '6' },
      ],
      dns: {},
    });
  });

  test('before 1.1.0 have DNS settings even if they are empty', () => {
    const bare = { ...dual, dns: {} };
    const have = cniVersions.filter((version) => 'dns' in Object(encodeResult(bare, version)));
    expect(have).toEqual(cniVersions.filter((version) => version !== '1.1.0'));
  });

  test('without a version are of that of their configuration', () => {
    const old = { ip4: { ip: '10.9.0.2/24' } };
    expect(decode(old, '0.2.0').ips).toEqual([{ address: '10.9.0.2/24' }]);
    expect(decode(old, '1.0.0').ips).toEqual([]);
    expect(decode({ ...old, cniVersion: '0.1.0' }, '1.0.0').ips).toEqual([{ address: '10.9.0.2/24' }]);
  });

  test('take empty texts and zeros for what is not there, but for index, table and scope', () => {
    const ips = [{ address: '10.9.0.2/24', gateway: '', interface: 0 }];
    const routes = [{ dst: '10.0.0.0/8', gw: '', mtu: 0, advmss: 0, priority: 0, table: 0, scope: 0 }];
    const interfaces = [{ name: 'eth0', mac: '', mtu: 0, sandbox: '' }];
    expect(decode({ cniVersion: '1.1.0', interfaces, ips, routes, dns: { domain: '', search: [] } })).toEqual(
      {
        interfaces: [{ name: 'eth0' }],
        ips: [{ address: '10.9.0.2/24', interface: 0 }],
        routes: [{ dst: '10.0.0.0/8', table: 0, scope: 0 }],
        dns: {},
      },
    );
  });

  test.each([
    [{ cniVersion: '9.0.0' }, 1, '9\\.0\\.0'],
    [{ ips: [{}] }, 7, 'ips\\[0\\]\\.address is missing'],
    [{ ips: {} }, 6, 'ips: \\{\\} is not a list'],
    [{ ips: [null] }, 6, 'ips\\[0\\]: null is not an object'],
    [{ routes: [{ dst: 4 }] }, 6, 'routes\\[0\\]\\.dst: 4 is not a string'],
    [{ cniVersion: '0.2.0', ip4: { ip: '' } }, 7, 'ip4\\.ip is missing'],
  ])('%j are refused', (value, code, message) => {
    expect(() => decode(value)).toThrow(cniError(code, new RegExp(message)));
  });

  test('with an address that is none are refused by its name', () => {
    expect(() => decode({ ips: [{ address: '10.9.0.2' }] })).toThrow(/ips\[0\]\.address: 10\.9\.0\.2 is not/);
  });
});
