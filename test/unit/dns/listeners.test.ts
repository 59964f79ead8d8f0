// Listeners by key: opened once, and closed at whatever moment.
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Listeners } from '../../../src/dns/listeners.ts';

let listeners: Listeners<string, string>;
/** Listeners opened so far, each with whether it still listens. */
let made: { readonly place: string; readonly listens: () => boolean }[];
/** Openings that wait until they are let go. */
let held: (() => void)[];

beforeEach(() => {
  listeners = new Listeners();
  made = [];
  held = [];
});

afterEach(() => listeners.closeAll());

const listen = (place: string) => async () => {
  let listens = true;
  made.push({ place, listens: () => listens });
  return {
    close() {
      listens = false;
    },
  };
};

const listenWhenLetGo = (place: string) => async () => {
  await new Promise<void>((resolve) => held.push(resolve));
  return listen(place)();
};

const alive = () => made.filter(({ listens }) => listens()).map(({ place }) => place);

test('two who ask at once get one', async () => {
  await Promise.all([
    listeners.open('a', 'here', listen('here')),
    listeners.open('a', 'here', listen('here')),
  ]);
  await listeners.open('a', 'here', listen('here'));
  expect(alive()).toEqual(['here']);
  expect(made).toHaveLength(1);
});

test('at another place it takes over from the one before', async () => {
  await listeners.open('a', 'here', listen('here'));
  await listeners.open('a', 'there', listen('there'));
  expect(alive()).toEqual(['there']);
  expect(listeners.placeOf('a')).toBe('there');
});

test('in another way, at the same place, it takes over too', async () => {
  await listeners.open('a', 'here', listen('one way'), 'one');
  for (let i = 0; i < 2; i++) await listeners.open('a', 'here', listen('other way'), 'other');
  expect(alive()).toEqual(['other way']);
  expect(made).toHaveLength(2);
});

test('one closed while it opens is gone once it is open, and only then is the next one opened', async () => {
  const first = listeners.open('a', 'here', listenWhenLetGo('here'));
  expect(listeners.isOpen('a')).toBe(false);
  listeners.close('a');
  const second = listeners.open('a', 'here', listen('here again'));
  expect(made).toEqual([]);
  held[0]?.();
  await Promise.all([first, second]);
  expect(made.map(({ place }) => place)).toEqual(['here', 'here again']);
  expect(alive()).toEqual(['here again']);
  expect(listeners.isOpen('a')).toBe(true);
});

test('the end of all waits for those that open', async () => {
  const opening = listeners.open('a', 'here', listenWhenLetGo('here'));
  await listeners.open('b', 'there', listen('there'));
  const end = listeners.closeAll();
  held[0]?.();
  await Promise.all([opening, end]);
  expect(made).toHaveLength(2);
  expect(alive()).toEqual([]);
});

test('an error reaches all who asked, and the next one tries again', async () => {
  const failing = () => Promise.reject(new Error('no'));
  const both = [listeners.open('a', 'here', failing), listeners.open('a', 'here', failing)];
  expect(await Promise.allSettled(both)).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }]);
  expect(listeners.placeOf('a')).toBeUndefined();
  await listeners.open('a', 'here', listen('here'));
  expect(alive()).toEqual(['here']);
});

test('keys are found by their place', async () => {
  for (const key of ['a', 'b']) await listeners.open(key, 'here', listen('here'));
  await listeners.open('c', 'there', listen('there'));
  expect(listeners.keysAt('here')).toEqual(['a', 'b']);
});

describe('one that takes its time to close', () => {
  let closed: () => void;

  beforeEach(async () => {
    const slow = new Promise<void>((resolve) => {
      closed = resolve;
    });
    await listeners.open('one', 'here', async () => ({ close: () => slow }));
  });

  test('is waited for by the next of its key', async () => {
    const next = listeners.open('one', 'there', listen('there'));
    expect(listeners.placeOf('one')).toBe('there');
    await turn();
    expect(alive()).toEqual([]);
    closed();
    await next;
    expect(alive()).toEqual(['there']);
  });

  test.each(['', 'in another way'])('is waited for by another of its place %s', async (way) => {
    listeners.close('one');
    const other = listeners.open('other', 'here', listen('here'), way);
    await turn();
    expect(alive()).toEqual([]);
    closed();
    await other;
    expect(alive()).toEqual(['here']);
  });

  test('is waited for by closeAll', async () => {
    let ended = false;
    const all = listeners.closeAll().then(() => {
      ended = true;
    });
    await turn();
    expect(ended).toBe(false);
    closed();
    await all;
    expect(ended).toBe(true);
  });
});
