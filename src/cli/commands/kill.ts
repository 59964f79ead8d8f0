// net kill: a signal to the processes of sandboxes.
import { forEach } from '../output.ts';
import { defineVerb } from '../verb.ts';

export const kill = defineVerb(
  {
    name: 'net kill',
    summary: 'Send a signal to the process of a sandbox.',
    operands: ['SANDBOX…'],
    options: {
      signal: { kind: 'value', short: 's', value: 'SIG', help: 'name of the signal (default KILL)' },
    },
  },
  async ({ options, operands: [refs] }, context) =>
    forEach(context, refs, async (ref) => {
      await context.client.kill(ref, (options.signal ?? 'KILL').replace(/^SIG/, ''));
      await context.write(`${ref}\n`);
    }),
);
