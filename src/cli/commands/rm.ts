// net rm: networks.
import { forEach } from '../output.ts';
import { defineVerb } from '../verb.ts';

export const rm = defineVerb(
  {
    name: 'net rm',
    summary: 'Delete networks; one in use stays and its holders are named.',
    operands: ['NETWORK…'],
    options: { force: { kind: 'flag', short: 'f', help: 'disconnect the holders first' } },
  },
  async ({ options, operands: [refs] }, context) =>
    forEach(context, refs, async (ref) => {
      await context.client.deleteNetwork(ref, { force: options.force ?? false });
      await context.write(`${ref}\n`);
    }),
);
