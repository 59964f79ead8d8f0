// Elements of sets and maps.
import { Attributes, type AttributeWriter, decodeAttributes } from '../netlink/attribute.ts';
import {
  NFT_SET_ELEM_INTERVAL_END,
  NFTA_DATA_VALUE,
  NFTA_LIST_ELEM,
  NFTA_SET_ELEM_DATA,
  NFTA_SET_ELEM_FLAGS,
  NFTA_SET_ELEM_KEY,
  NFTA_SET_ELEM_KEY_END,
  NFTA_SET_ELEM_LIST_ELEMENTS,
  NFTA_SET_ELEM_LIST_SET,
  NFTA_SET_ELEM_LIST_TABLE,
} from './constants.ts';
import { decodeVerdict, encodeVerdict, type Verdict } from './verdict.ts';

export interface Element {
  /** Fields of a concatenation each padded with zeros to a multiple of four bytes. */
  readonly key: Uint8Array;
  readonly data?: Uint8Array | Verdict;
  /** In an interval set of a concatenation: the last key; `key` is the first, and each field runs on its own. */
  readonly lastKey?: Uint8Array;
  /** In an interval set of one field: the first key that no longer belongs to the interval before it. */
  readonly endsInterval?: true;
}

/** The elements of an interval set of one field that stand for the keys from first to last, both included. */
export function intervalElements(
  first: Uint8Array,
  last: Uint8Array,
  data?: Element['data'],
): readonly Element[] {
  const start: Element = data === undefined ? { key: first } : { key: first, data };
  const after = successor(last);
  return after === undefined ? [start] : [start, { key: after, endsInterval: true }];
}

/** Writes an element list. The kernel takes no attribute over 64 KiB, so callers keep lists short. */
export function encodeElements(
  attributes: AttributeWriter,
  to: { readonly table: string; readonly set: string },
  elements: Iterable<Element>,
): void {
  attributes.string(NFTA_SET_ELEM_LIST_TABLE, to.table);
  attributes.string(NFTA_SET_ELEM_LIST_SET, to.set);
  attributes.nested(NFTA_SET_ELEM_LIST_ELEMENTS, () => {
    for (const element of elements) encodeElement(attributes, element);
  });
}

/** The elements of one message of a dump. */
export function* decodeElements(message: Attributes): Generator<Element> {
  const list = message.bytes(NFTA_SET_ELEM_LIST_ELEMENTS);
  if (list === undefined) return;
  for (const { value } of decodeAttributes(list)) {
    const element = new Attributes(value);
    const key = Uint8Array.from(element.nested(NFTA_SET_ELEM_KEY)?.bytes(NFTA_DATA_VALUE) ?? []);
    const data = decodeData(element.nested(NFTA_SET_ELEM_DATA));
    const lastKey = element.nested(NFTA_SET_ELEM_KEY_END)?.bytes(NFTA_DATA_VALUE);
    const flags = element.be32(NFTA_SET_ELEM_FLAGS) ?? 0;
    yield {
      key,
      ...(data !== undefined && { data }),
      ...(lastKey !== undefined && { lastKey: Uint8Array.from(lastKey) }),
      ...((flags & NFT_SET_ELEM_INTERVAL_END) !== 0 && { endsInterval: true }),
    };
  }
}

function decodeData(data: Attributes | undefined): Element['data'] {
  const value = data?.bytes(NFTA_DATA_VALUE);
  return value === undefined ? decodeVerdict(data) : Uint8Array.from(value);
}

function encodeElement(attributes: AttributeWriter, element: Element): void {
  const { key, data, lastKey, endsInterval } = element;
  attributes.nested(NFTA_LIST_ELEM, () => {
    if (endsInterval === true) attributes.be32(NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
    attributes.nested(NFTA_SET_ELEM_KEY, () => attributes.bytes(NFTA_DATA_VALUE, key));
    if (lastKey !== undefined) {
      attributes.nested(NFTA_SET_ELEM_KEY_END, () => attributes.bytes(NFTA_DATA_VALUE, lastKey));
    }
    if (data === undefined) return;
    attributes.nested(NFTA_SET_ELEM_DATA, () => {
      if (data instanceof Uint8Array) attributes.bytes(NFTA_DATA_VALUE, data);
      else encodeVerdict(attributes, data);
    });
  });
}

/** The key as a number, plus one; undefined after the highest. */
function successor(key: Uint8Array): Uint8Array | undefined {
  const next = Uint8Array.from(key);
  for (let i = next.length - 1; i >= 0; i--) {
    next[i] = ((next[i] ?? 0) + 1) & 0xff;
    if (next[i] !== 0) return next;
  }
  return undefined;
}
