// net check: records against the kernel.
import { defineVerb } from '../verb.ts';

export const check = defineVerb(
  {
    name: 'net check',
    summary: 'Compare the kernel with the records and print each difference; exit status 1 if any is left.',
    operands: [],
    options: { fix: { kind: 'flag', help: 'bring the kernel back to the records' } },
  },
  async ({ options }, { client, write }) => {
    const { differences, notes } = await client.check({ fix: options.fix ?? false });
    for (const { object, problem, repaired } of differences) {
      await write(`${object}: ${problem}${repaired ? ' (repaired)' : ''}\n`);
    }
    for (const { object, problem } of notes) await write(`note: ${object}: ${problem}\n`);
    return differences.every(({ repaired }) => repaired) ? 0 : 1;
  },
);
