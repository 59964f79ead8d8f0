// What the plugin left while the daemon was away comes before everything else, and is kept for as long as it may succeed.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DoorAfterDeletions } from '../../../src/cni/deletions.ts';
import type { CniAnswer } from '../../../src/cni/door.ts';
import type { CniBody } from '../../../src/cni/protocol.ts';

let runDir: string;
let answered: string[];
let door: DoorAfterDeletions;
let answer: CniAnswer;

beforeEach(() => {
  runDir = mkdtempSync(join(tmpdir(), 'fairlead-test-'));
  mkdirSync(join(runDir, 'cni-deletions'));
  answered = [];
  answer = { code: 0, document: '' };
  const inner = {
    answer: async ({ environment }: CniBody) => {
      answered.push(`${environment['CNI_COMMAND']} ${environment['CNI_CONTAINERID']}`);
      return answer;
    },
  };
  door = new DoorAfterDeletions(inner, pino({ level: 'silent' }));
});
afterEach(() => rmSync(runDir, { recursive: true }));

function body(command: string, container: string): CniBody {
  return { environment: { CNI_COMMAND: command, CNI_CONTAINERID: container }, configuration: '{}' };
}

function leave(name: string, content: string): void {
  writeFileSync(join(runDir, 'cni-deletions', name), content);
}

const left = () => readdirSync(join(runDir, 'cni-deletions'));

test('an ADD waits until the deletion left for its container is carried out', async () => {
  leave('lab@c1@eth0', JSON.stringify(body('DEL', 'c1')));
  const added = door.answer(body('ADD', 'c1'));
  await door.carryOutDeletions(runDir);
  await added;
  expect(answered).toEqual(['DEL c1', 'ADD c1']);
  expect(left()).toEqual([]);
});

test('without a directory of deletions nobody waits', async () => {
  rmSync(join(runDir, 'cni-deletions'), { recursive: true });
  await door.carryOutDeletions(runDir);
  await door.answer(body('ADD', 'c1'));
  expect(answered).toEqual(['ADD c1']);
});

test.each([
  [11, ['lab@c1@eth0']],
  [999, ['lab@c1@eth0']],
  [4, []],
  [7, []],
])('a deletion refused with %i leaves %j for the next start', async (code, kept) => {
  leave('lab@c1@eth0', JSON.stringify(body('DEL', 'c1')));
  answer = { code, document: '{}' };
  await door.carryOutDeletions(runDir);
  expect(left()).toEqual(kept);
});

test.each([
  ['no JSON', '{'],
  ['no object', 'null'],
  ['no DEL', JSON.stringify(body('ADD', 'c1'))],
])('a file that is %s goes, and is not carried out', async (_, content) => {
  leave('lab@c1@eth0', content);
  await door.carryOutDeletions(runDir);
  expect(left()).toEqual([]);
  expect(answered).toEqual([]);
});

test('a file that is being written is left alone', async () => {
  leave('.abc', JSON.stringify(body('DEL', 'c1')));
  await door.carryOutDeletions(runDir);
  expect(left()).toEqual(['.abc']);
  expect(answered).toEqual([]);
});
