// Compares a register with a value; the rule goes on only if the comparison holds.
import type { Attributes, AttributeWriter } from '../../netlink/attribute.ts';
import { NFTA_DATA_VALUE } from '../constants.ts';
import { decodeRegister, encodeRegister, type Register } from './register.ts';

export interface Cmp {
  readonly kind: 'cmp';
  readonly from: Register;
  readonly operator: 'eq' | 'neq';
  readonly value: Uint8Array;
}

const NFTA_CMP_SREG = 1;
const NFTA_CMP_OP = 2;
const NFTA_CMP_DATA = 3;
const operators = { eq: 0, neq: 1 } as const;

export function encodeCmp(attributes: AttributeWriter, cmp: Cmp): void {
  attributes.be32(NFTA_CMP_SREG, encodeRegister(cmp.from));
  attributes.be32(NFTA_CMP_OP, operators[cmp.operator]);
  attributes.nested(NFTA_CMP_DATA, () => attributes.bytes(NFTA_DATA_VALUE, cmp.value));
}

export function decodeCmp(attributes: Attributes): Cmp | undefined {
  const operator = attributes.be32(NFTA_CMP_OP);
  const value = attributes.nested(NFTA_CMP_DATA)?.bytes(NFTA_DATA_VALUE);
  if (value === undefined || (operator !== operators.eq && operator !== operators.neq)) return undefined;
  return {
    kind: 'cmp',
    from: decodeRegister(attributes.be32(NFTA_CMP_SREG)),
    operator: operator === operators.eq ? 'eq' : 'neq',
    value: Uint8Array.from(value),
  };
}
