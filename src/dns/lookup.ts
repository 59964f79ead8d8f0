// What an asker would be told of a name now, and where that comes from.
import type { NetworkId } from '../model/ids.ts';
import type { NameLookup, NameSource } from '../model/name-lookup.ts';
import { type Answer, answer, type ForwardTarget, type View } from './answer.ts';
import type { Forwarded } from './forwarding/forwarder.ts';
import { rcode } from './message/constants.ts';
import { rcodeOf } from './message/message.ts';
import type { Query } from './message/query.ts';
import { questionMessage } from './message/question-text.ts';
import { answerTexts } from './message/record-text.ts';
import { codeName } from './message/type-names.ts';
import { decodeQuery, encodeAnswer } from './message/wire.ts';
import type { NameQuestion } from './name-service.ts';
import type { NameTable } from './names/name-table.ts';

export interface LookupParts {
  readonly table: NameTable;
  /** Undefined when nobody there has a reply. Never rejects. */
  readonly forward: (query: Query, target: ForwardTarget) => Promise<Forwarded | undefined>;
}

/** The most a message may have. */
const limitBytes = 65_535;

/** Asks as a program of the asker would, over TCP. Errors: `invalid_parameter` for what is no name or type. */
export async function lookUp(
  { name, type }: NameQuestion,
  view: View | undefined,
  { table, forward }: LookupParts,
): Promise<NameLookup> {
  const incoming = decodeQuery(questionMessage(name, type));
  if (incoming === undefined || 'refusal' in incoming || view === undefined) {
    return { ...failed(rcode.REFUSED), source: refused };
  }
  const { query } = incoming;
  const own = answer(query, view, table, 0);
  if (!('forwardTo' in own)) return shown(encodeAnswer(query, own, limitBytes), sourceOf(own));
  const forwarded = await forward(query, own.forwardTo);
  if (forwarded === undefined) return { ...failed(rcode.SERVFAIL), source: { kind: 'unanswered' } };
  return shown(forwarded.reply, upstreamSource(forwarded));
}

const refused: NameSource = { kind: 'refused' };

function failed(code: number) {
  return { status: codeName(code), records: [] };
}

function shown(reply: Buffer, source: NameSource): NameLookup {
  return { status: codeName(rcodeOf(reply)), records: answerTexts(reply), source };
}

function sourceOf({ owners, ...said }: Answer): NameSource {
  if (said.rcode === rcode.REFUSED) return refused;
  if (owners === undefined) return { kind: 'nowhere' };
  const networks = new Map<NetworkId, string>(
    owners.map(({ networkId, networkName }) => [networkId, networkName]),
  );
  return { kind: 'networks', networks: [...networks.values()] };
}

function upstreamSource({ from, upstream, tookMs }: Forwarded): NameSource {
  if (from !== 'upstream') return { kind: from };
  return { kind: 'upstream', address: upstream ?? '', ...(tookMs !== undefined && { tookMs }) };
}
