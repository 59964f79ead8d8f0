// Entries of connection tracking as the kernel sends them, and filters as it takes them.
import { expect, test } from 'vitest';
import type { IpAddress } from '../../../../src/base/cidr.ts';
import { decodeEntry, encodeFilter, encodeHandle, matches } from '../../../../src/kernel/conntrack/entry.ts';
import { Attributes, AttributeWriter } from '../../../../src/kernel/netlink/attribute.ts';
import { ByteWriter } from '../../../../src/kernel/netlink/byte-writer.ts';

/** Asked for 5300/udp on 10.82.0.1 from 10.82.0.2:4000, answered by 10.81.1.2:53; id 7. */
const sent = [
  '34000180 14000180 08000100 0a520002 08000200 0a520001 1c000280 05000100 11000000 06000200 0fa00000 06000300 14b40000',
  '34000280 14000180 08000100 0a510102 08000200 0a520002 1c000280 05000100 11000000 06000200 00350000 06000300 0fa00000',
  '08000c00 00000007',
]
  .join('')
  .replaceAll(' ', '');
const entry = decodeEntry(new Attributes(Uint8Array.from(Buffer.from(sent, 'hex'))));

function encoded(write: (attributes: AttributeWriter) => void): string {
  const out = new ByteWriter();
  write(new AttributeWriter(out));
  return Buffer.from(out.finish()).toString('hex');
}

test('an entry is read with both directions', () => {
  expect(entry).toMatchObject({
    original: {
      source: '10.82.0.2',
      destination: '10.82.0.1',
      protocol: 17,
      sourcePort: 4000,
      destinationPort: 5300,
    },
    reply: {
      source: '10.81.1.2',
      destination: '10.82.0.2',
      protocol: 17,
      sourcePort: 53,
      destinationPort: 4000,
    },
  });
});

// The same with a state of TCP: CTA_STATUS, CTA_PROTOINFO.
test.each([
  { what: 'answered', more: '08000300 0000000a', isOpen: true },
  { what: 'not answered', more: '08000300 00000008', isOpen: false },
  { what: 'established', more: '08000300 0000000e 10000480 0c000180 05000100 03000000', isOpen: true },
  { what: 'closing', more: '08000300 0000000e 10000480 0c000180 05000100 04000000', isOpen: false },
])('one that is $what is open: $isOpen', ({ more, isOpen }) => {
  const bytes = Uint8Array.from(Buffer.from(`${sent}${more.replaceAll(' ', '')}`, 'hex'));
  expect(decodeEntry(new Attributes(bytes))?.isOpen).toBe(isOpen);
});

test('an entry is deleted by its first direction and its id', () => {
  if (entry === undefined) throw new Error('no entry');
  const original = sent.slice(0, 0x34 * 2);
  expect(encoded((attributes) => encodeHandle(attributes, entry.handle))).toBe(`${original}08000c0000000007`);
});

test.for([
  { what: 'nothing more than the family', filter: {}, answer: true },
  { what: 'its host port', filter: { protocol: 17, originalDestinationPort: 5300 }, answer: true },
  { what: 'another host port', filter: { protocol: 17, originalDestinationPort: 53 }, answer: false },
  { what: 'another protocol', filter: { protocol: 132, originalDestinationPort: 5300 }, answer: false },
  { what: 'its host address', filter: { originalDestination: '10.82.0.1' as IpAddress }, answer: true },
  {
    what: 'who answers',
    filter: { replySource: '10.81.1.2' as IpAddress, replySourcePort: 53 },
    answer: true,
  },
  { what: 'another who answers', filter: { replySource: '10.81.1.3' as IpAddress }, answer: false },
])('a filter for $what: $answer', ({ filter, answer }) => {
  if (entry === undefined) throw new Error('no entry');
  expect(matches(entry, { family: 4, ...filter })).toBe(answer);
});

test('the kernel is told which fields of a filter to compare', () => {
  const filter = {
    family: 4,
    protocol: 17,
    originalDestinationPort: 5300,
    replySource: '10.81.1.2' as IpAddress,
  } as const;
  const original = '18000180 14000280 05000100 11000000 06000300 14b40000';
  const reply = '1c000280 0c000180 08000100 0a510102 0c000280 05000100 11000000';
  const flags = '14001980 08000100 28000000 08000200 09000000';
  const wanted = [original, reply, flags].join('').replaceAll(' ', '');
  expect(encoded((attributes) => encodeFilter(attributes, filter))).toBe(wanted);
});
