// net stop: ask the processes of sandboxes to end, and make them.
import { forEach } from '../output.ts';
import { defineVerb } from '../verb.ts';

export const stop = defineVerb(
  {
    name: 'net stop',
    summary: 'End the process of a sandbox: TERM, and KILL ten seconds later.',
    operands: ['SANDBOX…'],
    options: {},
  },
  async ({ operands: [refs] }, context) =>
    forEach(context, refs, async (ref) => {
      await context.client.stop(ref);
      await context.write(`${ref}\n`);
    }),
);
