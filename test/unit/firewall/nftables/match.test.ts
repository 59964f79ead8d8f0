// Rules written here are, byte for byte, those nft(8) makes of the same words.
import { expect, test } from 'vitest';
import type { Cidr, IpAddress } from '../../../../src/base/cidr.ts';
import {
  addressIn,
  beginsTcp,
  dnatTo,
  familyIs,
  fitSegmentSize,
  interfaceIn,
  interfaceIs,
  interfaceVerdict,
  masquerade,
  notPublished,
  published,
  rule,
  snatTo,
  stateIs,
  toHost,
  verdict,
} from '../../../../src/firewall/nftables/match.ts';
import { Attributes, AttributeWriter } from '../../../../src/kernel/netlink/attribute.ts';
import { ByteWriter } from '../../../../src/kernel/netlink/byte-writer.ts';
import { decodeRule, encodeRule, type Rule } from '../../../../src/kernel/nftables/rule.ts';
import { captured } from '../../kernel/nftables/capture.ts';

const NFTA_RULE_EXPRESSIONS = 4;

function expressionsOf(ours: Rule): Uint8Array | undefined {
  const out = new ByteWriter();
  encodeRule(new AttributeWriter(out), { table: 't', chain: 'c' }, ours);
  return new Attributes(out.finish()).bytes(NFTA_RULE_EXPRESSIONS);
}

const isTcp: Rule = [
  { kind: 'meta', key: 'l4proto', to: 0 },
  { kind: 'cmp', from: 0, operator: 'eq', value: Uint8Array.of(6) },
];
const originalAddress: Rule = [
  { kind: 'ct', key: 'original ip daddr', to: 0 },
  { kind: 'cmp', from: 0, operator: 'eq', value: Uint8Array.of(10, 1, 0, 1) },
];

const cases = (
  [
    ['interface', rule(interfaceIs('iifname', 'lo'), verdict('return'))],
    ['not-interface', rule(interfaceIs('oifname', 'br0', 'neq'), verdict('drop'))],
    ['interface-set', rule(interfaceIn('iifname', 'bridges'), verdict('drop'))],
    ['verdict-lookup', interfaceVerdict('iifname', 'from')],
    ['family', rule(familyIs(6), masquerade())],
    ['subnet', rule(addressIn('saddr', '10.1.0.0/24' as Cidr), verdict('accept'))],
    ['odd-subnet', rule(addressIn('saddr', 'fd00::/57' as Cidr), verdict('accept'))],
    ['state', rule(stateIs('established', 'related'), verdict('accept'))],
    ['status', rule(published(), verdict('accept'))],
    ['fib', rule(toHost(), verdict({ jump: 'd' }))],
    ['dnat', dnatTo(4, 'port', { map: 'ports' })],
    ['dnat6', dnatTo(6, 'address and port', { map: 'ports6' })],
    ['reset', rule(isTcp, [{ kind: 'reject', with: 'tcp reset' }])],
    ['port-unreachable', [{ kind: 'reject', with: 'port-unreachable' }]],
    ['not-status', rule(notPublished(), verdict({ jump: 'd' }))],
    ['tcp-syn', rule(beginsTcp(), verdict({ jump: 'd' }))],
    ['segment-size', fitSegmentSize()],
    ['original', rule(originalAddress, verdict('accept'))],
    ['snat', rule(familyIs(4), snatTo(4, '192.0.2.1' as IpAddress))],
  ] as const
).map(([name, ours]) => ({ ...captured(name), ours }));

/** nft names sets by their numbers in a batch as well, and writes defaults out; the kernel needs neither. */
const differsInBytes = /@|odd|fd00|dnat to|snat|syn/;

test.for(cases.filter(({ command }) => !differsInBytes.test(command)))('$command', ({ attributes, ours }) => {
  expect(Uint8Array.from(expressionsOf(ours) ?? [])).toEqual(
    Uint8Array.from(attributes.bytes(NFTA_RULE_EXPRESSIONS) ?? []),
  );
});

test.for(cases)('what nft sends reads as ours: $command', ({ attributes, ours }) => {
  expect(decodeRule(attributes).rule).toEqual(ours);
});
