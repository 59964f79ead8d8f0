// A question as it came off the wire.
import type { Question } from '../answer.ts';

export interface Query extends Question {
  readonly id: number;
  /** RD, AD and CD as asked. */
  readonly flags: number;
  /** The question section, byte for byte. */
  readonly question: Buffer;
  readonly edns?: { readonly payloadBytes: number; readonly dnssecOk: boolean };
}
