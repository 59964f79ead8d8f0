// Counts packets and bytes. Every rule of iptables has one; what it counted is of no use here.
import type { AttributeWriter } from '../../netlink/attribute.ts';

export interface Counter {
  readonly kind: 'counter';
}

/** Without attributes it begins at zero. */
export function encodeCounter(_attributes: AttributeWriter, _counter: Counter): void {}

export function decodeCounter(): Counter {
  return { kind: 'counter' };
}
