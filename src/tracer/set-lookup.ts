// Whether a key, of which not all may be known, is in a set of nf_tables, and what a map has for it. Pure.
import type { Element } from '../kernel/nftables/element.ts';
import type { ReadSet } from '../kernel/nftables/whole-ruleset.ts';
import type { PartlyKnown } from './packet.ts';

/** The element, `none`, or `unknown` when it hangs on bytes nobody knows. */
export type Found = Element | 'none' | 'unknown';

export function findElement(form: ReadSet, elements: readonly Element[], key: PartlyKnown): Found {
  const byField = form.isInterval && form.fieldBytes.length > 1;
  const plain = elements.filter((element) => element.key.length > 0);
  const found =
    form.isInterval && !byField
      ? inIntervals(plain, key)
      : firstMatch(plain, (one) => matches(form, one, key, byField));
  if (found !== 'none') return found;
  // The element `*` has no key.
  return elements.find((element) => element.key.length === 0) ?? 'none';
}

/** True, false, or undefined when bytes nobody knows decide. */
type Tristate = boolean | undefined;

function firstMatch(elements: readonly Element[], test: (element: Element) => Tristate): Found {
  let unsure = false;
  for (const element of elements) {
    const matched = test(element);
    if (matched === true) return unsure ? 'unknown' : element;
    if (matched === undefined) unsure = true;
  }
  return unsure ? 'unknown' : 'none';
}

function matches(form: ReadSet, element: Element, key: PartlyKnown, byField: boolean): Tristate {
  if (!byField) return within(key, 0, element.key, element.key);
  const lastKey = element.lastKey ?? element.key;
  let at = 0;
  let unsure = false;
  for (const bytes of form.fieldBytes) {
    const field = within(key, at, element.key.subarray(at, at + bytes), lastKey.subarray(at, at + bytes));
    if (field === false) return false;
    if (field === undefined) unsure = true;
    at += (bytes + 3) & ~3;
  }
  return unsure ? undefined : true;
}

/** Whether the bytes of a key are between two others, both included, compared as big-endian numbers as the kernel does. */
function within(key: PartlyKnown, at: number, first: Uint8Array, last: Uint8Array): Tristate {
  const part = key.slice(at, first.length);
  if (part.known.every((known) => known === 1)) {
    return Buffer.compare(part.bytes, first) >= 0 && Buffer.compare(part.bytes, last) <= 0;
  }
  if (first.every((byte) => byte === 0) && last.every((byte) => byte === 0xff)) return true;
  for (let i = 0; i < first.length && part.known[i] === 1; i++) {
    const [byte = 0, low = 0, high = 0] = [part.bytes[i], first[i], last[i]];
    if (byte < low || byte > high) return false;
    if (low !== high) return undefined;
  }
  const single = Buffer.compare(first, last) === 0;
  return single && part.bytes.some((byte, i) => part.known[i] === 1 && byte !== first[i]) ? false : undefined;
}

/** Each element begins an interval or, as `endsInterval`, what is between two of them. */
function inIntervals(elements: readonly Element[], key: PartlyKnown): Found {
  if (elements.length === 0) return 'none';
  const length = elements[0]?.key.length ?? 0;
  const part = key.slice(0, length);
  if (part.known.some((known) => known === 0)) return 'unknown';
  const begun = elements
    .filter((element) => Buffer.compare(element.key, part.bytes) <= 0)
    .sort(
      (a, b) =>
        Buffer.compare(b.key, a.key) || Number(a.endsInterval ?? false) - Number(b.endsInterval ?? false),
    );
  const [last] = begun;
  return last === undefined || last.endsInterval === true ? 'none' : last;
}
