// From allowances to elements of a verdict map. Allowances may say the same and more, elements may not overlap: each is
// what of an allowance no element before it says already. Pure.
import { type AddressRange, type Cidr, familyOf, type IpFamily } from '../../base/cidr.ts';
import type { AllowancePolicy } from '../../model/policy.ts';
import { joinedRanges, toByteRange } from './address-ranges.ts';
import { type NumberRange, protocolRange, rangeBytes } from './key.ts';
import { allowedMap } from './layout.ts';
import type { SetElement } from './render.ts';

/** Connections from any of some addresses to any of others, by some protocols to some ports. */
type Box = readonly [from: Span, to: Span, protocols: Span, ports: Span];

/** Both ends included. */
interface Span {
  readonly first: bigint;
  readonly last: bigint;
}

/** The same elements in whichever order allowances come. */
export function renderAllowances(allowances: Iterable<AllowancePolicy>): readonly SetElement[] {
  const all = [...allowances];
  return ([4, 6] as const).flatMap((family) =>
    apart(all.flatMap((allowance) => boxesOf(allowance, family))).map((box) => elementOf(box, family)),
  );
}

function boxesOf({ from, to, ports }: AllowancePolicy, family: IpFamily): readonly Box[] {
  const protocols = ports === undefined ? anyProtocol : spanOf(protocolRange(ports.protocol));
  const numbers = ports === undefined ? anyPort : spanOf(ports);
  return addresses(from, family).flatMap((source) =>
    addresses(to, family).map((target): Box => [source, target, protocols, numbers]),
  );
}

/** Protocols without ports have something else where those have them: whatever it is, it is meant. */
const anyProtocol: Span = { first: 0n, last: 0xffn };
const anyPort: Span = { first: 0n, last: 0xffffn };

function addresses(subnets: readonly Cidr[], family: IpFamily): readonly AddressRange[] {
  return joinedRanges(subnets.filter((subnet) => familyOf(subnet) === family));
}

/** Boxes that cover the same and do not overlap. */
function apart(boxes: readonly Box[]): readonly Box[] {
  const kept: Box[] = [];
  for (const box of boxes.toSorted(bySizeThenPlace)) {
    let pieces: readonly Box[] = [box];
    for (const other of kept) {
      if (overlap(box, other)) pieces = pieces.flatMap((piece) => without(piece, other));
    }
    kept.push(...pieces);
  }
  return kept;
}

/** Large ones first, so that most of what others cover as well vanishes. */
function bySizeThenPlace(a: Box, b: Box): number {
  const sizes = dimensions.map((i) => order(sizeOf(b[i]), sizeOf(a[i])));
  const places = dimensions.map((i) => order(a[i].first, b[i].first));
  return [...sizes, ...places].find((difference) => difference !== 0) ?? 0;
}

/** What of a box is outside another: cut off on either side, field by field. */
function without(box: Box, other: Box): readonly Box[] {
  if (!overlap(box, other)) return [box];
  const pieces: Box[] = [];
  let rest = box;
  for (const i of dimensions) {
    let { first, last } = rest[i];
    if (first < other[i].first) {
      pieces.push(narrowed(rest, i, { first, last: other[i].first - 1n }));
      first = other[i].first;
    }
    if (last > other[i].last) {
      pieces.push(narrowed(rest, i, { first: other[i].last + 1n, last }));
      last = other[i].last;
    }
    rest = narrowed(rest, i, { first, last });
  }
  return pieces;
}

const dimensions = [0, 1, 2, 3] as const;

function narrowed(box: Box, dimension: number, span: Span): Box {
  const [from, to, protocols, ports] = box.map((one, i) => (i === dimension ? span : one));
  return [from ?? span, to ?? span, protocols ?? span, ports ?? span];
}

function overlap(a: Box, b: Box): boolean {
  return dimensions.every((i) => a[i].first <= b[i].last && b[i].first <= a[i].last);
}

function elementOf([from, to, protocols, ports]: Box, family: IpFamily): SetElement {
  const addresses = [from, to].map((span) => toByteRange({ family, ...span }));
  return {
    set: allowedMap(family),
    ...rangeBytes(addresses, numbersOf(protocols), numbersOf(ports)),
    data: 'accept',
  };
}

function spanOf({ first, last }: NumberRange): Span {
  return { first: BigInt(first), last: BigInt(last) };
}

function numbersOf({ first, last }: Span): NumberRange {
  return { first: Number(first), last: Number(last) };
}

function sizeOf({ first, last }: Span): bigint {
  return last - first;
}

function order(a: bigint, b: bigint): number {
  return a < b ? -1 : Number(a > b);
}
