import { describe, expect, test } from 'vitest';
import { decodeFilter, redirectIngress } from '../../../../src/kernel/rtnetlink/filter.ts';
import {
  addIngress,
  decodeQdisc,
  removeIngress,
  removeRootQdisc,
  setTokenBucket,
  tokenBucketAsRead,
} from '../../../../src/kernel/rtnetlink/qdisc.ts';
import { answerTo, asIproute2, requestOf } from './captures.ts';

const structBytes = 20;
const link = 700;
const slow = { bytesPerSecond: 125_000, burstBytes: 10_000, limitBytes: 20_000 };
/** More bytes per second than 32 bits hold. */
const fast = { bytesPerSecond: 5_000_000_000, burstBytes: 5_000_000, limitBytes: 10_000_000 };
const redirect =
  'tc filter replace dev va ingress protocol all prio 1 handle 800::800 u32 match u32 0 0 action mirred egress redirect dev ifb0';

describe('qdiscs', () => {
  test.each([
    [
      'tc qdisc replace dev va root tbf rate 1mbit burst 10000 limit 20000',
      setTokenBucket({ link, ...slow }),
    ],
    [
      'tc qdisc replace dev va root tbf rate 40gbit burst 5000000 limit 10000000',
      setTokenBucket({ link, ...fast }),
    ],
  ])('the request is that of `%s`, without its rate table', (command, message) => {
    expect(asIproute2(message, structBytes)).toBe(withoutRateTable(requestOf(command)));
  });

  test.each([
    ['tc qdisc del dev va root', removeRootQdisc(link)],
    ['tc qdisc replace dev va ingress', addIngress(link)],
    ['tc qdisc del dev va ingress', removeIngress(link)],
  ])('the request is that of `%s`', (command, message) => {
    expect(asIproute2(message, structBytes)).toBe(requestOf(command));
  });

  test('a token bucket is read, the burst as the kernel keeps it', () => {
    expect(decodeQdisc(answerTo('tc qdisc show dev va root'))).toEqual({
      link,
      kind: 'tbf',
      place: 'root',
      handle: 0x8004,
      tokenBucket: slow,
    });
    expect(decodeQdisc(answerTo('tc -d qdisc show dev va root'))).toEqual({
      link,
      kind: 'tbf',
      place: 'root',
      handle: 0x8004,
      tokenBucket: tokenBucketAsRead(fast),
    });
  });

  test('an ingress qdisc is read', () => {
    expect(decodeQdisc(answerTo('tc qdisc show dev va ingress'))).toEqual({
      link,
      kind: 'ingress',
      place: 'ingress',
      handle: 0xffff,
      tokenBucket: undefined,
    });
  });

  test('the handle of a request is the major number of the kernel’s', () => {
    const message = Buffer.from(setTokenBucket({ link, handle: 0x12, ...slow }));
    expect(message.readUInt32LE(24)).toBe(0x12_0000);
  });

  test.each([
    ['exactly at ordinary rates', slow, 10_000],
    ['rounded down at high ones', fast, 4_999_680],
    ['wrapped when it takes more than 275 s', { ...slow, burstBytes: 40_000_000 }, 5_640_262],
  ])('a burst comes back %s', (_, bucket, burstBytes) => {
    expect(tokenBucketAsRead(bucket)).toEqual({ ...bucket, burstBytes });
  });
});

describe('filters', () => {
  test(`the request is that of \`${redirect}\``, () => {
    const captured = requestOf(redirect).replace('24000280', '24000200'); // it marks one list of five as nested
    expect(asIproute2(redirectIngress({ link, to: 710 }), structBytes)).toBe(captured);
  });

  test('a redirection is read', () => {
    const payload = answerTo('tc filter show dev va ingress');
    expect(decodeFilter(payload)).toEqual({ link, priority: 1, kind: 'u32', redirectsTo: 710 });
  });

  test('a filter that matches only some packets redirects not everything', () => {
    const payload = Buffer.from(answerTo('tc filter show dev va ingress'));
    // TCA_U32_SEL with its header: the mask of the first key follows 16 bytes of struct.
    const selector = payload.indexOf(Buffer.from('24000500', 'hex'));
    payload[selector + 4 + 16] = 0xff;
    expect(decodeFilter(payload)).toMatchObject({ kind: 'u32', redirectsTo: undefined });
  });

  test('a filter that copies redirects nothing', () => {
    const payload = Buffer.from(answerTo('tc filter show dev va ingress'));
    const action = payload.indexOf(Buffer.from('0100000001000000c6020000', 'hex')); // bindcnt, eaction, ifindex
    payload[action + 4] = 2; // TCA_EGRESS_MIRROR
    expect(decodeFilter(payload)).toMatchObject({ kind: 'u32', redirectsTo: undefined });
  });

  test('a classifier without filters is none', () => {
    expect(
      decodeFilter(answerTo('tc filter show dev va ingress').subarray(0, structBytes + 8)),
    ).toBeUndefined();
  });
});

/**
 * A request of tc(8) as ours is: it sends a table of transmission times by packet size, which the kernel does not use where
 * the link layer is told, with what belongs to it (cell_log, cell_align), and the burst once more in ticks (buffer).
 */
function withoutRateTable(hex: string): string {
  const bytes = Buffer.from(hex, 'hex');
  const tableBytes = 4 + 1024;
  const options = 16 + structBytes + 8;
  const parms = options + 8;
  const short = Buffer.from(bytes.subarray(0, bytes.length - tableBytes));
  short.writeUInt32LE(short.length, 0);
  short.writeUInt16LE(short.length - options, options);
  short[parms] = 0;
  short.writeUInt16LE(0, parms + 4);
  short.writeUInt32LE(0, parms + 28);
  return short.toString('hex');
}
