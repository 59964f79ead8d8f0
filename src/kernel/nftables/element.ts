// Elements of sets and maps.
import { Attributes, type AttributeWriter, decodeAttributes } from '../netlink/attribute.ts';
import {
  NFTA_DATA_VALUE,
  NFTA_LIST_ELEM,
  NFTA_SET_ELEM_DATA,
  NFTA_SET_ELEM_KEY,
  NFTA_SET_ELEM_LIST_ELEMENTS,
  NFTA_SET_ELEM_LIST_SET,
  NFTA_SET_ELEM_LIST_TABLE,
} from './constants.ts';
import { decodeVerdict, encodeVerdict, type Verdict } from './verdict.ts';

export interface Element {
  /** Fields of a concatenation each padded with zeros to a multiple of four bytes. */
  readonly key: Uint8Array;
  readonly data?: Uint8Array | Verdict;
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
    yield data === undefined ? { key } : { key, data };
  }
}

function decodeData(data: Attributes | undefined): Element['data'] {
  const value = data?.bytes(NFTA_DATA_VALUE);
  return value === undefined ? decodeVerdict(data) : Uint8Array.from(value);
}

function encodeElement(attributes: AttributeWriter, { key, data }: Element): void {
  attributes.nested(NFTA_LIST_ELEM, () => {
    attributes.nested(NFTA_SET_ELEM_KEY, () => attributes.bytes(NFTA_DATA_VALUE, key));
    if (data === undefined) return;
    attributes.nested(NFTA_SET_ELEM_DATA, () => {
      if (data instanceof Uint8Array) attributes.bytes(NFTA_DATA_VALUE, data);
      else encodeVerdict(attributes, data);
    });
  });
}
