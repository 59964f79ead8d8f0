// Where and how the rate limits of an attachment are enforced: pure.
//
// What a link sends goes through a token bucket. What it receives is first led through an ifb, a device that only sends,
// so through a token bucket again, and then goes on where it came from. With an end on the host both are on that end,
// where nothing inside the sandbox can undo them. Without one (macvlan) both are inside, out of reach only for processes
// without CAP_NET_ADMIN.
import type { RequestStep } from '../kernel/program.ts';
import { request } from '../kernel/rtnetlink/client.ts';
import { redirectIngress } from '../kernel/rtnetlink/filter.ts';
import { changeLink, createLink } from '../kernel/rtnetlink/link.ts';
import { chooseLinkIndex } from '../kernel/rtnetlink/link-index.ts';
import { addIngress, setTokenBucket, type TokenBucket } from '../kernel/rtnetlink/qdisc.ts';
import type { Attachment } from '../model/attachment.ts';
import { linksHaveIpv6 } from './address-plan.ts';
import { tokenBucket } from './token-bucket.ts';

/** The link that the limits of an attachment are on. */
export interface ShapingPoint {
  readonly socket: 'host' | 'namespace';
  /** Index of the link. */
  readonly link: number;
  readonly sent?: DirectedLimit;
  readonly received?: DirectedLimit;
  readonly ifbName: string;
}

export interface DirectedLimit extends TokenBucket {
  /** As seen by people: `towards the sandbox`. */
  readonly direction: string;
}

/** How an ifb is made. */
export interface NewIfb {
  readonly name: string;
  readonly index: number;
  readonly mtuBytes: number;
  readonly alias: string;
  /** Whether links of this size have IPv6 here. */
  readonly ipv6: boolean;
}

/** Tells our token buckets from others': people and tc(8) give small numbers, the kernel gives 0x8000 and more. */
export const tokenBucketHandle = 0x4641;

/** @param ends indexes of the interface in the sandbox and of its other end on the host, if there is one. */
export function shapingPoint(
  { shaping, mtuBytes }: Attachment,
  ends: { readonly inner: number; readonly host: number | undefined },
): ShapingPoint | undefined {
  if (shaping === undefined) return undefined;
  const { toSandbox, fromSandbox, ifbName } = shaping;
  const to = toSandbox && { ...tokenBucket(toSandbox, mtuBytes), direction: 'towards the sandbox' };
  const from = fromSandbox && { ...tokenBucket(fromSandbox, mtuBytes), direction: 'from the sandbox' };
  const [socket, link, sent, received] =
    ends.host === undefined
      ? (['namespace', ends.inner, from, to] as const)
      : (['host', ends.host, to, from] as const);
  return { socket, link, ifbName, ...(sent && { sent }), ...(received && { received }) };
}

/** The ifb an attachment needs, if any, under an index of its own. */
export function newIfb(attachment: Attachment, alias: string): NewIfb | undefined {
  const { shaping, mtuBytes } = attachment;
  if (shaping === undefined) return undefined;
  const index = chooseLinkIndex();
  return { name: shaping.ifbName, index, mtuBytes, alias, ipv6: linksHaveIpv6(attachment) };
}

/** Refused when there is a link of that name. */
export function makeIfb(socket: ShapingPoint['socket'], { name, index, mtuBytes }: NewIfb): RequestStep {
  return request(socket, createLink({ kind: 'ifb', name, index, mtuBytes }));
}

/** What an ifb needs that has just been made: up comes last, so that nothing gets through unlimited. */
export function startIfb(bucket: TokenBucket, { index, alias, ipv6 }: NewIfb): readonly Uint8Array[] {
  return [
    changeLink({ index }, { alias, ...(ipv6 && { linkLocal: false }) }),
    limitSent(bucket, index),
    changeLink({ index }, { up: true }),
  ];
}

/** Leads what a link receives through an ifb. */
export function redirect(link: number, ifb: number): readonly Uint8Array[] {
  return [addIngress(link), redirectIngress({ link, to: ifb })];
}

/** Limits what a link sends. */
export function limitSent({ bytesPerSecond, burstBytes, limitBytes }: TokenBucket, link: number): Uint8Array {
  return setTokenBucket({ link, handle: tokenBucketHandle, bytesPerSecond, burstBytes, limitBytes });
}
