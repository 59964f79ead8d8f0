// Askers that ask more than there is room for, and what they leave to others.
import { expect, test } from 'vitest';
import { Forwarder } from '../../../../src/dns/forwarding/forwarder.ts';
import { waitUntil } from '../../../support/wait-until.ts';
import { from, query, told } from '../asking.ts';
import { deadUpstream, FakeUpstream, silent, truthful } from '../fake-upstream.ts';

const names = (count: number) => Array.from({ length: count }, (_, i) => query(`n${i}.example`));

test('one that floods a silent upstream leaves half of the room to others', async () => {
  await using mute = await FakeUpstream.start(silent);
  await using good = await FakeUpstream.start(truthful(1));
  const forwarder = new Forwarder({ inFlightMax: 64 });
  const flood = names(200).map((one) => forwarder.forward(one, [mute.upstream], 'flood'));
  // What is beyond its share fails at once, while the rest is still waited for.
  expect(await Promise.all(flood.slice(32))).toEqual(Array(168).fill(undefined));
  await waitUntil('the rest was asked', () => mute.received.length >= 32);
  const others = names(32).map((one) => told(forwarder.forward(one, [good.upstream], 'other')));
  expect((await Promise.all(others)).filter((reply) => reply?.[0] === 'upstream')).toHaveLength(32);
  forwarder.close();
  expect(await Promise.all(flood)).toEqual(Array(200).fill(undefined));
});

test('however many flood, one question of another is asked', async () => {
  await using mute = await FakeUpstream.start(silent);
  await using good = await FakeUpstream.start(truthful(1));
  const forwarder = new Forwarder({ inFlightMax: 64 });
  const floods = Array.from({ length: 10 }, (_, asker) =>
    names(64).map(({ question }, i) =>
      forwarder.forward(query(`${asker}-${i}-${question.length}.example`), [mute.upstream], `flood${asker}`),
    ),
  );
  expect(await told(forwarder.forward(query(), [good.upstream], 'other'))).toEqual(['upstream', ...from(1)]);
  forwarder.close();
  await Promise.all(floods.flat());
});

test('the same question of another takes no room', async () => {
  await using mute = await FakeUpstream.start(silent);
  const forwarder = new Forwarder({ inFlightMax: 4 });
  const asked = ['one', 'two', 'three', 'four', 'five'].map((asker) =>
    forwarder.forward(query(), [mute.upstream], asker),
  );
  await waitUntil('it was asked', () => mute.received.length > 0);
  mute.behaviour = truthful(1);
  const own = forwarder.forward(query('own.example'), [mute.upstream], 'one');
  expect(await told(own)).toEqual(['upstream', ...from(1, 60, 'own.example')]);
  forwarder.close();
  expect(await Promise.all(asked)).toEqual(Array(5).fill(undefined));
  expect(mute.received).toHaveLength(2);
});

test('room is given back when there is a reply, and when there is none', async () => {
  const nobody = await deadUpstream();
  await using good = await FakeUpstream.start(truthful(1));
  const forwarder = new Forwarder({ inFlightMax: 1 });
  for (const one of names(20)) {
    expect(await forwarder.forward(one, [nobody], 'asker')).toBeUndefined();
    expect((await forwarder.forward(one, [good.upstream], 'asker'))?.from).toBe('upstream');
  }
});
