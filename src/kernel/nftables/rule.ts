// Rules: lists of expressions, run from the first to the last as long as each one holds.
import type { Attributes, AttributeWriter } from '../netlink/attribute.ts';
import {
  NFTA_RULE_CHAIN,
  NFTA_RULE_EXPRESSIONS,
  NFTA_RULE_HANDLE,
  NFTA_RULE_POSITION,
  NFTA_RULE_TABLE,
} from './constants.ts';
import {
  type DecodedExpression,
  decodeExpression,
  type Expression,
  encodeExpression,
} from './expression/expression.ts';

export type Rule = readonly Expression[];
export type DecodedRule = readonly DecodedExpression[];

/** What tells one rule of a table from the others for as long as it is there. */
export type RuleHandle = bigint;

export interface RulePlace {
  readonly table: string;
  readonly chain: string;
  readonly handle?: RuleHandle;
  /** The rule a new one goes before. */
  readonly before?: RuleHandle;
}

/** With neither expressions nor handle it names the chain alone, as in the message that deletes all rules of a chain. */
export function encodeRule(attributes: AttributeWriter, place: RulePlace, rule?: Rule): void {
  const { table, chain, handle, before } = place;
  attributes.string(NFTA_RULE_TABLE, table);
  attributes.string(NFTA_RULE_CHAIN, chain);
  if (handle !== undefined) attributes.be64(NFTA_RULE_HANDLE, handle);
  if (rule !== undefined) {
    attributes.nested(NFTA_RULE_EXPRESSIONS, () => {
      for (const expression of rule) encodeExpression(attributes, expression);
    });
  }
  if (before !== undefined) attributes.be64(NFTA_RULE_POSITION, before);
}

export function decodeRule(attributes: Attributes): {
  readonly chain: string;
  readonly handle: RuleHandle;
  readonly rule: DecodedRule;
} {
  return {
    chain: attributes.string(NFTA_RULE_CHAIN) ?? '',
    handle: attributes.be64(NFTA_RULE_HANDLE) ?? 0n,
    rule: attributes.list(NFTA_RULE_EXPRESSIONS).map(decodeExpression),
  };
}
