// Verdicts: what becomes of a packet, in rules and in verdict maps.
import type { Attributes, AttributeWriter } from '../netlink/attribute.ts';
import { NFTA_DATA_VERDICT, NFTA_VERDICT_CHAIN, NFTA_VERDICT_CODE } from './constants.ts';

export type Verdict = 'accept' | 'drop' | 'return' | { readonly jump: string };

const codes = { drop: 0, accept: 1, return: -5 } as const;
const NFT_JUMP = -3;

/** Writes NFTA_DATA_VERDICT, the content of an immediate's or an element's data. */
export function encodeVerdict(attributes: AttributeWriter, verdict: Verdict): void {
  attributes.nested(NFTA_DATA_VERDICT, () => {
    attributes.be32(NFTA_VERDICT_CODE, typeof verdict === 'string' ? codes[verdict] : NFT_JUMP);
    if (typeof verdict !== 'string') attributes.string(NFTA_VERDICT_CHAIN, verdict.jump);
  });
}

/** Undefined when the data is a value, or a verdict this project never gives. */
export function decodeVerdict(data: Attributes | undefined): Verdict | undefined {
  const verdict = data?.nested(NFTA_DATA_VERDICT);
  const code = verdict?.be32(NFTA_VERDICT_CODE);
  if (verdict === undefined || code === undefined) return undefined;
  const chain = verdict.string(NFTA_VERDICT_CHAIN);
  if ((code | 0) === NFT_JUMP && chain !== undefined) return { jump: chain };
  if ((code | 0) === codes.drop) return 'drop';
  if ((code | 0) === codes.accept) return 'accept';
  return (code | 0) === codes.return ? 'return' : undefined;
}
