// Gives a connection the address of the interface it leaves by as its source.
import type { AttributeWriter } from '../../netlink/attribute.ts';

export interface Masq {
  readonly kind: 'masq';
}

/** It has no attributes as used here. */
export function encodeMasq(_attributes: AttributeWriter, _masq: Masq): void {}

export function decodeMasq(): Masq {
  return { kind: 'masq' };
}
