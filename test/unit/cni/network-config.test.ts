import { describe, expect, test } from 'vitest';
import { cniError, config } from './requests.ts';

describe('a network configuration', () => {
  test('without any key is one of a bridge that is nothing but a bridge', () => {
    expect(config()).toMatchObject({
      name: 'lab',
      driver: 'bridge',
      bridge: {
        name: 'cni0',
        isGateway: false,
        isDefaultGateway: false,
        masquerade: false,
        hairpin: false,
        promiscuous: false,
        portIsolation: false,
      },
      ingressPolicy: 'open',
      ips: [],
      ports: [],
      aliases: [],
    });
    for (const key of ['network', 'mtuBytes', 'mac', 'shaping', 'prevResult', 'validAttachments']) {
      expect(config()).not.toHaveProperty(key);
    }
  });

  test('of a bridge is read', () => {
    const keys = {
      bridge: 'br9',
      isDefaultGateway: true,
      ipMasq: true,
      hairpinMode: true,
      portIsolation: true,
      mtu: 1400,
    };
    expect(config(keys)).toMatchObject({
      bridge: {
        name: 'br9',
        isGateway: true,
        isDefaultGateway: true,
        masquerade: true,
        hairpin: true,
        portIsolation: true,
      },
      mtuBytes: 1400,
    });
  });

  test('of a macvlan is read', () => {
    expect(config({ driver: 'macvlan', master: 'eth9', mode: 'vepa' })).toMatchObject({
      driver: 'macvlan',
      macvlan: { parent: 'eth9', mode: 'vepa' },
    });
  });

  test.each([
    { vlan: 0, vlanTrunk: [], preserveDefaultVlan: false },
    { preserveDefaultVlan: true },
    { conditionsV4: [], conditionsV6: null, externalSetMarkChain: '' },
    { backend: 'iptables', ipMasqBackend: 'nftables', markMasqBit: 13, snat: true, masqAll: true },
    {
      iptablesAdminChainName: 'X',
      firewalldZone: 'trusted',
      dataDir: '/x',
      forceAddress: true,
      enabledad: true,
    },
    { capabilities: { portMappings: true }, bcqueuelen: 100, somethingElse: {} },
    { ipam: {}, dns: {}, runtimeConfig: {}, args: {}, master: '', mac: '', mtu: 0 },
  ])('with %j is like one without', (keys) => {
    expect({ ...config(keys), ipam: 0 }).toEqual({ ...config(), ipam: 0 });
  });

  test.each([
    [{ vlan: 5 }, 2, 'unsupported field vlan: 5'],
    [{ vlanTrunk: [{ id: 4 }] }, 2, 'unsupported field vlanTrunk: \\[\\{"id":4\\}\\]'],
    [{ conditionsV4: ['-s', '10.0.0.0/8'] }, 2, 'unsupported field conditionsV4'],
    [{ conditionsV6: ['x'] }, 2, 'unsupported field conditionsV6'],
    [{ externalSetMarkChain: 'MARK' }, 2, 'unsupported field externalSetMarkChain: "MARK"'],
    [{ shapedSubnets: ['10.0.0.0/8'] }, 2, 'unsupported field shapedSubnets'],
    [
      { runtimeConfig: { bandwidth: { UnshapedSubnets: ['x'] } } },
      2,
      'field runtimeConfig\\.bandwidth\\.unshapedSubnets',
    ],
    [{ linkInContainer: true }, 2, 'unsupported field linkInContainer: true'],
    [{ driver: 'ipvlan' }, 7, 'driver: "ipvlan" is not one of bridge, macvlan'],
    [{ driver: 'macvlan', mode: 'best' }, 7, 'mode: "best" is not one of bridge'],
    [{ bridge: 'a/b' }, 7, 'bridge: "a/b" is not an interface name'],
    [{ driver: 'macvlan', master: 'sixteen-letters-' }, 7, 'master: .* is not an interface name'],
    [{ hairpinMode: true, promiscMode: true }, 7, 'hairpinMode and promiscMode exclude each other'],
    [{ ingressPolicy: 'closed' }, 7, 'ingressPolicy: "closed" is not one of open, same-bridge, isolated'],
    [{ mtu: -1 }, 7, 'mtu: -1 is not from 0 to 65535'],
    [{ mtu: '1400' }, 6, 'mtu: "1400" is not an integer'],
    [{ isGateway: 'yes' }, 6, 'isGateway: "yes" is not true or false'],
    [{ ipam: [] }, 6, 'ipam: \\[\\] is not an object'],
    [{ runtimeConfig: { aliases: 'web' } }, 6, 'runtimeConfig\\.aliases: "web" is not an object'],
    [{ runtimeConfig: { ipRanges: [{}] } }, 6, 'runtimeConfig\\.ipRanges\\[0\\]: \\{\\} is not a list'],
  ])('with %j is refused', (keys, code, message) => {
    expect(() => config(keys)).toThrow(cniError(code, new RegExp(message)));
  });

  test.each([
    [{ runtimeConfig: { mac: 'x' } }, /runtimeConfig\.mac: x is not a MAC address/],
    [{ args: { cni: { ips: ['10.9'] } } }, /args\.cni\.ips\[0\]: 10\.9 is not an IP address/],
  ])('with %j is refused by the path', (keys, message) => {
    expect(() => config(keys)).toThrow(message);
  });

  test('what the runtime says counts before args.cni, then CNI_ARGS, then the rest', () => {
    const sources = [
      { mac: '02:00:00:00:00:01', ips: ['10.9.0.1/24', 'fd99::1'] },
      { mac: '02:00:00:00:00:02', ips: ['10.9.0.2'] },
    ];
    const environment = { CNI_ARGS: 'MAC=02:00:00:00:00:03;IP=10.9.0.3' };
    const seen = (runtimeConfig: object, cni: object, env: Record<string, string>) => {
      const { mac, ips } = config(
        { mac: '02:00:00:00:00:04', runtimeConfig, args: { cni } },
        { environment: env },
      );
      return [mac?.at(-1), ips.map(({ address }) => address).join()];
    };
    const [first = {}, second = {}] = sources;
    expect(seen(first, second, environment)).toEqual(['1', '10.9.0.1,fd99::1']);
    expect(seen({ ips: [], mac: '' }, second, environment)).toEqual(['2', '10.9.0.2']);
    expect(seen({}, {}, environment)).toEqual(['3', '10.9.0.3']);
    expect(seen({}, {}, {})).toEqual(['4', '']);
  });

  test('an address that is asked for twice is asked for once', () => {
    const { ips } = config({ runtimeConfig: { ips: ['10.9.0.5', '10.9.0.5', 'fd99::5'] } });
    expect(ips).toEqual([{ address: '10.9.0.5' }, { address: 'fd99::5' }]);
  });

  test('DNS settings of the runtime stand in place of the configured ones', () => {
    const dns = { nameservers: ['1.1.1.1'], domain: 'lab', search: ['a'], options: ['b'] };
    expect(config({ dns }).dns).toEqual(dns);
    const runtimeConfig = { dns: { Servers: ['2.2.2.2'], Searches: ['c'], Options: ['d'] } };
    expect(config({ dns, runtimeConfig }).dns).toEqual({
      nameservers: ['2.2.2.2'],
      search: ['c'],
      options: ['d'],
    });
    expect(config({ dns, runtimeConfig: { dns: {} } }).dns).toEqual(dns);
  });

  test.each([
    [
      ['web', 'db'],
      ['web', 'db'],
    ],
    [{ lab: ['web'], other: ['db'] }, ['web']],
    [{ other: ['db'] }, []],
    [null, []],
  ])('aliases %j are %j', (aliases, expected) => {
    expect(config({ runtimeConfig: { aliases } }).aliases).toEqual(expected);
  });

  const attachments = [{ containerID: 'c1', ifname: 'eth0' }];
  test.each([
    [{}, undefined],
    [{ 'cni.dev/valid-attachments': attachments }, [{ containerId: 'c1', ifname: 'eth0' }]],
    [{ 'cni.dev/attachments': attachments }, [{ containerId: 'c1', ifname: 'eth0' }]],
    [{ 'cni.dev/valid-attachments': [], 'cni.dev/attachments': attachments }, []],
    [{ 'cni.dev/valid-attachments': null }, []],
  ])('of %j knows valid attachments %j', (keys, expected) => {
    expect(config(keys, { command: 'GC' }).validAttachments).toEqual(expected);
  });

  test('the previous result is of its own version', () => {
    const prevResult = { cniVersion: '0.2.0', ip4: { ip: '10.9.0.5/24' } };
    expect(config({ prevResult }).prevResult?.ips).toEqual([{ address: '10.9.0.5/24' }]);
  });

  test('switches of the runtime may be words', () => {
    expect(config({ disableCheck: 'true', disableGC: true })).toMatchObject({
      disableCheck: true,
      disableGc: true,
    });
  });
});
