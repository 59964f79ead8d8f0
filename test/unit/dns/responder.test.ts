// What is said to a message, and for how long it may be said again without asking here.
import { pino } from 'pino';
import { beforeEach, expect, test } from 'vitest';
import type { View } from '../../../src/dns/answer.ts';
import type { Forwarded } from '../../../src/dns/forwarding/forwarder.ts';
import { Responder } from '../../../src/dns/responder.ts';
import { LeftCounts } from '../../../src/dns/statistics.ts';
import { address } from './fake-upstream.ts';
import { questionBytes, readReply, types } from './messages.ts';
import { back, lab, smallWorld, view } from './names.ts';
import { replyTo } from './upstream-replies.ts';

let forwarded: Forwarded | undefined;
let askedFor: View[];
let responder: Responder;

beforeEach(() => {
  askedFor = [];
  responder = new Responder({
    table: smallWorld(),
    forward: async (_, from) => {
      askedFor.push(from);
      return forwarded;
    },
    counts: new LeftCounts(() => true),
    log: pino({ level: 'silent' }),
  });
});

async function say(name: string, from: View | undefined, type = types.A) {
  const { reply, rememberMs } = await responder.respond(questionBytes(name, { type }), 'udp', from);
  return { ...readReply(reply ?? Buffer.alloc(0)), rememberMs };
}

const both = view([lab, back]);
const outside = questionBytes('x.example');

test('an answer of our own is not to be kept by others', async () => {
  expect(await say('web', both)).toMatchObject({ answers: ['web 5 A 10.0.0.2'], rememberMs: 0 });
});

test('an upstream’s may be said again for as long as the forwarder says', async () => {
  forwarded = { reply: replyTo(outside, { answers: [address(60, 1)] }), rememberMs: 1234, from: 'upstream' };
  expect(await say('x.example', both)).toMatchObject({
    answers: ['x.example 60 A 192.0.2.1'],
    rememberMs: 1234,
  });
  expect(askedFor).toEqual([both]);
});

test('a failure is not kept', async () => {
  forwarded = undefined;
  expect(await say('x.example', both)).toMatchObject({ rcode: 2, rememberMs: 0 });
});

test('without a view there is nothing to say', async () => {
  expect(await say('web', undefined)).toMatchObject({ rcode: 5, answers: [] });
});

test('nothing is said to what is no question', () => {
  expect(responder.respond(Buffer.alloc(3), 'udp', both)).toEqual({ reply: undefined, rememberMs: 0 });
});

test('who comes first changes with each question, also for those who ask for two types in turn', async () => {
  const first = async (type = types.A, from: View = both) => (await say('both', from, type)).answers[0];
  const firsts = [];
  for (let i = 0; i < 4; i++) {
    firsts.push(await first());
    await first(types.AAAA);
  }
  expect(firsts[0]).not.toBe(firsts[1]);
  expect(firsts.slice(2)).toEqual(firsts.slice(0, 2));
});

test('it changes for each asker apart', async () => {
  const one = view([lab, back], { sandboxId: 'one' as never });
  const other = view([lab, back], { sandboxId: 'other' as never });
  const first = async (from: View) => (await say('both', from)).answers[0];
  expect(await first(one)).toBe(await first(other));
  expect(await first(one)).toBe(await first(other));
});
