// docs/cni.md and docs/errors.md say what the code does.
import { readFileSync } from 'node:fs';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { type ErrorCode, NetError } from '../../../src/base/errors.ts';
import { conflistText } from '../../../src/cli/cni-files.ts';
import { CniDoor } from '../../../src/cni/door.ts';
import { cniCode, toCniError } from '../../../src/cni/errors.ts';
import { cniVersions } from '../../../src/cni/versions.ts';
import { CoreController } from '../../../src/core/controller.ts';
import { fakeParts } from '../../support/fake-parts.ts';
import { cniError, config, variables } from './requests.ts';

interface Conflist {
  readonly cniVersion: string;
  readonly name: string;
  readonly plugins: readonly ({ readonly type: string } & Readonly<Record<string, unknown>>)[];
}

const read = (name: string) => readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8');
const document = read('cni.md');
const examples = [...document.matchAll(/^```json\n(.*?)^```$/gms)].map(
  ([, text = '']) => JSON.parse(text) as Conflist,
);
const attachable = examples.filter(({ plugins: [first] }) => first?.type === 'fairlead-cni');

/** Rows of the table below a heading, without those that head it. */
function rowsBelow(heading: string): readonly (readonly string[])[] {
  const section = document.split(`${heading}\n`)[1]?.split(/^#/m)[0] ?? '';
  const lines = section.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

test('the number of every error is told, and no others', () => {
  const told = rowsBelow('## Errors').map(([code]) => Number(code));
  expect(told).toEqual(Object.values(cniCode));
});

test('docs/errors.md tells the number of every kind of error', () => {
  const rows = [...read('errors.md').matchAll(/^\| `(\w+)` +\|(?: \d+ +\|){3} (\d+) +\|/gm)];
  expect(rows.length).toBeGreaterThan(0);
  for (const [, code, number] of rows) {
    expect(toCniError(new NetError(code as ErrorCode, 'no')).code).toBe(Number(number));
  }
});

test('what is said to be refused is refused', () => {
  const keys = rowsBelow('### What is refused').flatMap(([cell = '']) => cell.match(/\w+/g) ?? []);
  expect(keys.length).toBeGreaterThan(0);
  for (const key of keys) {
    expect(() => config({ [key]: 'x' })).toThrow(cniError(cniCode.unsupportedField, key));
  }
});

test('every version is named', () => {
  const section = document.split('## Versions\n')[1] ?? '';
  expect(section.match(/\d\.\d\.\d/g)?.slice(0, cniVersions.length)).toEqual(cniVersions);
});

test('the configuration that is installed is the one shown', () => {
  expect(JSON.parse(conflistText(undefined))).toEqual(examples[0]);
});

describe('examples', () => {
  test.each(attachable.map((example) => [example.name, example] as const))(
    'network %s can be attached to',
    async (name, { cniVersion, plugins }) => {
      const parts = fakeParts();
      const core = new CoreController(parts);
      await core.start();
      await core.createNetwork({ name: 'lab' });
      parts.world.namespaces.set(variables.CNI_NETNS, new Set());
      const door = new CniDoor(core.runtimes, pino({ level: 'silent' }));
      const answer = await door.answer({
        environment: { CNI_COMMAND: 'ADD', ...variables },
        configuration: JSON.stringify({ ...plugins[0], name, cniVersion }),
      });
      expect(answer).toMatchObject({ code: 0 });
      expect(JSON.parse(answer.document).ips.length).toBeGreaterThan(0);
    },
  );

  test('of later elements are read', () => {
    const later = examples.flatMap(({ plugins }) => plugins.slice(1));
    const elements = later.filter(({ type }) => type === 'fairlead-cni');
    expect(elements.length).toBeGreaterThan(0);
    for (const element of elements) expect(() => config(element)).not.toThrow();
  });
});
