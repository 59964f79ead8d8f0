// net logs: the output of a detached process.
import { defineVerb } from '../verb.ts';

export const logs = defineVerb(
  {
    name: 'net logs',
    summary: 'Print the output of a detached process.',
    operands: ['SANDBOX'],
    options: { follow: { kind: 'flag', short: 'f', help: 'go on until the process ends' } },
  },
  async ({ options, operands: [ref] }, { client, write }) => {
    for await (const chunk of client.logs(ref, { follow: options.follow ?? false })) await write(chunk);
  },
);
