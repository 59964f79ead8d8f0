// What is told of ids in numbers: that the numbers mean the same as long as anybody means them.
import { expect, test } from 'vitest';
import { Mirror } from '../../../../src/dns/names/mirror.ts';
import { Numbers } from '../../../../src/dns/names/numbers.ts';
import type { SandboxId } from '../../../../src/model/ids.ts';
import { back, entry, lab, view } from '../names.ts';

function mirror() {
  const told: string[] = [];
  return { told, mirror: new Mirror((changes) => told.push(Buffer.from(changes).toString('hex'))) };
}

/** The endpoint's, the network's and the sandbox's number in a change that puts an endpoint. */
const numbersIn = (change = '') =>
  [10, 18, 26].map((start) => Number.parseInt(change.slice(start, start + 8), 16));

test('an id keeps its number while it is in use, and another one gets another', () => {
  const numbers = new Numbers<string>();
  const first = numbers.take('a');
  expect(numbers.take('a')).toBe(first);
  numbers.drop('a');
  expect(numbers.idOf(first)).toBe('a');
  numbers.drop('a');
  expect(numbers.idOf(first)).toBeUndefined();
  expect([numbers.take('b'), numbers.take('a')]).not.toContain(first);
});

test('an endpoint that is put again is replaced under its number', () => {
  const { told, mirror: names } = mirror();
  names.put(entry('web', lab, { addresses: [] }));
  names.put({
    ...entry('web', back, { addresses: [] }),
    endpointId: entry('web', lab, { addresses: [] }).endpointId,
  });
  const [first, second] = told.map(numbersIn);
  expect(second?.[0]).toBe(first?.[0]);
  expect(second?.[1]).not.toBe(first?.[1]);
  expect(second?.[2]).toBe(first?.[2]);
});

test('a sandbox is known by one number in endpoints, views and links', () => {
  const { told, mirror: names } = mirror();
  names.put(entry('web', lab, { addresses: [] }));
  const [, network, sandbox] = numbersIn(told[0]);
  const links = [{ alias: 'w', target: 'web' as SandboxId }];
  names.setView(view([lab], { links }), 5);
  expect(told[1]?.slice(10)).toBe(
    ['00000002', '00000005', '00000001', hex(network), '00000001', '020177', hex(sandbox)].join(''),
  );
  expect(names.sandboxes.idOf(sandbox ?? 0)).toBe('web');
});

test('what is gone is told once, and its numbers are nobody’s', () => {
  const { told, mirror: names } = mirror();
  const web = entry('web', lab, { addresses: [] });
  names.put(web);
  names.setView(view([lab]), 1);
  names.setView(view([lab, back]), 1);
  const [, network, sandbox] = numbersIn(told[0]);
  for (let i = 0; i < 2; i++) {
    names.remove(web.endpointId);
    names.removeView(view([]).sandboxId);
  }
  expect(told.slice(3)).toEqual(['020000000400000001', '040000000400000002']);
  expect(names.sandboxes.idOf(sandbox ?? 0)).toBeUndefined();
  expect(names.networks.idOf(network ?? 0)).toBeUndefined();
});

function hex(number = 0): string {
  return number.toString(16).padStart(8, '0');
}
