// Whatever is in the table reads back as it was written: only so can the kernel's be compared with what it should be.
import { describe, expect, test } from 'vitest';
import type { Cidr, IpAddress } from '../../../../src/base/cidr.ts';
import { baseChains, sets } from '../../../../src/firewall/nftables/layout.ts';
import { Ruleset } from '../../../../src/firewall/nftables/ruleset.ts';
import { Attributes, AttributeWriter } from '../../../../src/kernel/netlink/attribute.ts';
import { ByteWriter } from '../../../../src/kernel/netlink/byte-writer.ts';
import { decodeElements, encodeElements } from '../../../../src/kernel/nftables/element.ts';
import { decodeRule, encodeRule, type Rule } from '../../../../src/kernel/nftables/rule.ts';
import { decodeSet, encodeSet, setForm } from '../../../../src/kernel/nftables/set.ts';
import type { AllowanceId, EndpointId, NetworkId } from '../../../../src/model/ids.ts';
import type { DirectAccess, NetworkPolicy, PortForward, SourceRule } from '../../../../src/model/policy.ts';

function written(write: (attributes: AttributeWriter) => void): Attributes {
  const out = new ByteWriter();
  write(new AttributeWriter(out));
  return new Attributes(out.finish());
}

const shapes: readonly {
  readonly source: SourceRule;
  readonly direct: DirectAccess;
  readonly icc: boolean;
  readonly internal: boolean;
}[] = [
  { source: 'masquerade', direct: 'none', icc: true, internal: false },
  { source: 'keep', direct: 'ports', icc: false, internal: false },
  { source: { address: '192.0.2.7' as IpAddress }, direct: 'all', icc: false, internal: false },
  { source: 'keep', direct: 'none', icc: true, internal: true },
];

const networks: readonly NetworkPolicy[] = shapes.map(({ source, direct, icc, internal }, i) => ({
  networkId: `${i}` as NetworkId,
  ifname: `br${i}`,
  subnets: [`10.${i}.0.0/24` as Cidr, `fd0${i}::/57` as Cidr],
  internal,
  icc,
  source: { ipv4: source, ipv6: typeof source === 'string' ? source : 'masquerade' },
  direct: { ipv4: direct, ipv6: direct },
  trustedInterfaces: ['wg0'],
}));

const ends = [
  { address: '10.0.0.2', hostAddresses: ['0.0.0.0', '127.0.0.1', '10.0.0.2'], from: '10.9.0.0/16' },
  { address: 'fd00::2', hostAddresses: ['::', 'fd82::1', 'fd00::2'], from: 'fd09::/64' },
];

/** A single port, a range, and ports for some alone, shifted and not, on each address; the last is the endpoint's own. */
const forwards: readonly PortForward[] = ends.flatMap(({ address, hostAddresses, from }) =>
  hostAddresses.flatMap((hostAddress) => {
    const base = {
      protocol: 'tcp',
      address: address as IpAddress,
      hostAddress: hostAddress as IpAddress,
    } as const;
    const one = (port: number, more: Partial<PortForward> = {}) => ({
      ...base,
      port,
      hostPort: port,
      keepSource: false,
      ...more,
    });
    const shifted = address === hostAddress ? 85 : 1085;
    return [
      one(80),
      one(82),
      one(83),
      one(84, { from: [from as Cidr] }),
      one(85, { hostPort: shifted, from: [from as Cidr] }),
    ];
  }),
);

const ruleset = Ruleset.of({
  networks,
  endpoints: [{ endpointId: 'e' as EndpointId, networkId: '0' as NetworkId, forwards }],
  allowances: [
    {
      allowanceId: 'a' as AllowanceId,
      from: ['10.0.0.0/24', 'fd00::/64'] as Cidr[],
      to: ['10.2.0.0/24', 'fd02::/64'] as Cidr[],
    },
  ],
});

const rules: readonly (readonly [string, Rule])[] = [
  ...baseChains.map(({ name, rules }) => ({ name, rules })),
  ...[...ruleset.chains].map(([name, rules]) => ({ name, rules })),
].flatMap(({ name, rules }) => rules.map((rule, i) => [`${name} ${i + 1}`, rule] as const));

test.for(rules)('rule %s', ([, rule]) => {
  const attributes = written((out) => encodeRule(out, { table: 't', chain: 'c' }, rule));
  expect(decodeRule(attributes).rule).toEqual(rule);
});

describe.for(sets)('set $name', (set) => {
  const elements = [...ruleset.elements()].filter((element) => element.set === set.name);

  test('its form', () => {
    const attributes = written((out) => encodeSet(out, 't', set, 1));
    expect(decodeSet(attributes)).toEqual({ name: set.name, form: setForm(set) });
  });

  test('its elements, which are there', () => {
    const attributes = written((out) => encodeElements(out, { table: 't', set: set.name }, elements));
    const read = [...decodeElements(attributes)].map((element) => ({ ...element, set: set.name }));
    expect(read).toEqual(elements);
    expect(elements).not.toEqual([]);
  });
});
