// Rules: lists of expressions, run from the first to the last as long as each one holds.
import type { Attributes, AttributeWriter } from '../netlink/attribute.ts';
import { NFTA_RULE_CHAIN, NFTA_RULE_EXPRESSIONS, NFTA_RULE_TABLE } from './constants.ts';
import {
  type DecodedExpression,
  decodeExpression,
  type Expression,
  encodeExpression,
} from './expression/expression.ts';

export type Rule = readonly Expression[];
export type DecodedRule = readonly DecodedExpression[];

/** Without expressions it names the chain alone, as in the message that deletes all rules of a chain. */
export function encodeRule(attributes: AttributeWriter, table: string, chain: string, rule?: Rule): void {
  attributes.string(NFTA_RULE_TABLE, table);
  attributes.string(NFTA_RULE_CHAIN, chain);
  if (rule === undefined) return;
  attributes.nested(NFTA_RULE_EXPRESSIONS, () => {
    for (const expression of rule) encodeExpression(attributes, expression);
  });
}

export function decodeRule(attributes: Attributes): {
  readonly chain: string;
  readonly rule: DecodedRule;
} {
  return {
    chain: attributes.string(NFTA_RULE_CHAIN) ?? '',
    rule: attributes.list(NFTA_RULE_EXPRESSIONS).map(decodeExpression),
  };
}
