// A rate limit as people state it, in bits, as a token bucket of the kernel's, in bytes. Pure.
import type { TokenBucket } from '../kernel/rtnetlink/qdisc.ts';
import type { RateLimit } from '../model/interface-settings.ts';

/** A larger burst would leave what it is meant to limit unlimited for as long: runtimes ask for 4 Gbit by default. */
const maxBurstSeconds = 0.1;
/** But one packet as the network stack hands it over (GSO) may always pass whole: cutting it up costs time. */
const wholePacketBytes = 64 * 1024;
/** How long a packet may wait for its tokens. */
const maxDelaySeconds = 0.025;
/** What a link adds to the packets of its MTU: Ethernet header and up to two VLAN tags. */
const frameOverheadBytes = 22;
const maxU32 = 0xffff_ffff;

/** @param mtuBytes of the links it is for: a packet that never fits into the bucket would never be sent. */
export function tokenBucket({ bitsPerSecond, burstBits }: RateLimit, mtuBytes: number): TokenBucket {
  const rate = bitsPerSecond / 8;
  const most = Math.max(rate * maxBurstSeconds, wholePacketBytes);
  const least = mtuBytes + frameOverheadBytes;
  const burstBytes = Math.min(Math.floor(Math.max(Math.min(burstBits / 8, most), least)), maxU32);
  return {
    bytesPerSecond: Math.max(Math.floor(rate), 1),
    burstBytes,
    limitBytes: Math.min(burstBytes + Math.ceil(rate * maxDelaySeconds), maxU32),
  };
}
