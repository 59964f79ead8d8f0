// The name server's thread and the slow path are asked the same questions about the same names, and have to agree in what they say.
import { beforeAll, expect, test } from 'vitest';
import { rcode } from '../../../src/dns/message/constants.ts';
import { flag, flagsOf, rcodeOf } from '../../../src/dns/message/message.ts';
import { datagramLimit } from '../../../src/dns/message/reply.ts';
import { decodeQuery } from '../../../src/dns/message/wire.ts';
import { requireOwnNetwork } from '../../support/own-network.ts';
import { Random } from '../../support/random.ts';
import { AgreementBed, type Fate, insideAddress, type Place } from './agreement-bed.ts';
import { randomMessage } from './random-questions.ts';
import { networkIds, pick, randomChange, sandboxIds } from './random-world.ts';
import { meaningOf, type ReplyMeaning } from './reply-meaning.ts';

const seed = Number(process.env['FAIRLEAD_TEST_SEED'] ?? 1);
const questionsInAll = 100_000;
const questionsAtOnce = 40;
const changesBetween = 3;
const changesFirst = 150;
/** No record of ours takes more, names and all. */
const recordBytesMax = 600;

beforeAll(requireOwnNetwork);

test(`the thread says what the slow path says (seed ${seed})`, async () => {
  const random = new Random(seed);
  const kinds = { left: 0, silence: 0, records: 0, cut: 0, noData: 0, noName: 0, refusal: 0 };
  await using bed = new AgreementBed();
  await addPlaces(bed);
  for (let i = 0; i < changesFirst; i++) bed.change(randomChange(random));
  for (let asked = 0; asked < questionsInAll; asked += questionsAtOnce) {
    for (let i = 0; i < changesBetween; i++) bed.change(randomChange(random));
    for (const fate of await askBoth(bed, random, asked)) kinds[kindOf(fate)]++;
  }
  // Otherwise they agreed on little.
  expect(Math.min(...Object.values(kinds))).toBeGreaterThan(questionsInAll / 200);
}, 120_000);

async function addPlaces(bed: AgreementBed): Promise<void> {
  for (const [i, id] of sandboxIds.slice(0, 8).entries()) await bed.addResolver(id, `127.0.1.${i + 1}`);
  for (const [i, id] of sandboxIds.slice(8, 10).entries()) await bed.addBeside(id, `127.0.2.${i + 1}`);
  const askers = Array.from({ length: 9 }, (_, i) => `127.2.0.${i + 1}`);
  for (const [i, id] of networkIds.slice(0, 2).entries())
    await bed.addGateway(id, `127.0.3.${i + 1}`, askers);
}

/** What the slow path said to some messages, after which the thread said the same. */
async function askBoth(bed: AgreementBed, random: Random, asked: number): Promise<readonly Fate[]> {
  // At gateways most askers are strangers, of whom there is little to learn.
  const inside = bed.places.filter(({ from }) => from === insideAddress);
  const place = pick(random, random.below(5) === 0 ? bed.places : inside);
  const transport = random.below(10) === 0 ? 'tcp' : 'udp';
  const messages = Array.from({ length: questionsAtOnce }, (_, i) =>
    randomMessage(random, (asked + i) & 0xffff),
  );
  const slow = messages.map((message) => bed.slow(message, place, transport));
  const answered = slow.filter((fate) => fate !== undefined).length;
  const fast = await bed.fast(messages, place, transport, answered);
  for (const [i, message] of messages.entries()) {
    const fate = message.length < 2 ? undefined : fast.get(message.readUInt16BE(0));
    const whole = () => bed.slow(message, place, 'tcp');
    const why = disagreement(
      { fast: fate, slow: slow[i], whole, limit: limitOf(message, place, transport) },
      place,
    );
    if (why === undefined) continue;
    const said = [fate, slow[i]].map((one) => (Buffer.isBuffer(one) ? one.toString('hex') : String(one)));
    const seen = JSON.stringify(place.view());
    expect.fail(
      `seed ${seed}, over ${transport} from ${place.from} to ${place.address}: ${why}\nquestion ${message.toString('hex')}\nview ${seen}\nfast ${said[0]}\nslow ${said[1]}`,
    );
  }
  return slow;
}

interface Both {
  readonly fast: Fate;
  readonly slow: Fate;
  /** What the slow path says where everything fits. */
  readonly whole: () => Fate;
  readonly limit: number;
}

function disagreement(both: Both, place: Place): string | undefined {
  const { fast, slow } = both;
  // What it is not told enough for the thread leaves, and may leave where it knows nothing of the asker.
  if (fast === 'left') return mayBeLeft(slow) || !place.isKnown() ? undefined : 'left';
  if (slow === 'left') return 'not left';
  if (fast === undefined || slow === undefined) return fast === slow ? undefined : 'one is silent';
  if (mayBeLeft(slow)) return 'not left, though no message can hold the answer';
  const said = meaningOf(fast);
  if (isEqual(said, meaningOf(slow))) return undefined;
  const whole = both.whole();
  return Buffer.isBuffer(whole) && isCutOf(said, fast.length, meaningOf(whole), both.limit)
    ? undefined
    : 'different';
}

function kindOf(fate: Fate) {
  if (fate === 'left') return 'left';
  if (fate === undefined) return 'silence';
  if ((flagsOf(fate) & flag.TC) !== 0) return 'cut';
  const code = rcodeOf(fate);
  if (code !== rcode.NOERROR) return code === rcode.NXDOMAIN ? 'noName' : 'refusal';
  return meaningOf(fate).answers.length > 0 ? 'records' : 'noData';
}

function mayBeLeft(slow: Fate): boolean {
  return slow === 'left' || (Buffer.isBuffer(slow) && rcodeOf(slow) === rcode.SERVFAIL);
}

/** As much of the whole as fits. Names may be compressed or not, so how much that is may differ a little. */
function isCutOf(said: ReplyMeaning, length: number, whole: ReplyMeaning, limit: number): boolean {
  const isPart = (section: 'answers' | 'authority' | 'additional') =>
    said[section].every((record) => whole[section].includes(record));
  if (!isPart('answers') || !isPart('authority') || !isPart('additional')) return false;
  const lacks = (section: 'answers' | 'authority') => said[section].length < whole[section].length;
  const flags = Number.parseInt(whole.flags, 16) | (lacks('answers') || lacks('authority') ? flag.TC : 0);
  const isFull = length <= limit && length > limit - recordBytesMax;
  const { id, question, option } = said;
  return isFull && Number.parseInt(said.flags, 16) === flags && isEqual({ id, question, option }, whole);
}

function isEqual(one: Partial<ReplyMeaning>, other: ReplyMeaning): boolean {
  return (Object.keys(one) as (keyof ReplyMeaning)[]).every((key) => String(one[key]) === String(other[key]));
}

function limitOf(message: Buffer, place: Place, transport: 'udp' | 'tcp'): number {
  const incoming = decodeQuery(message);
  if (transport === 'tcp' || incoming === undefined || 'refusal' in incoming) return 65_535;
  return datagramLimit(incoming.query, place.datagramBytes);
}
