// net version: of the command line and of the daemon.
import { formatOption, wantsJson } from '../output.ts';
import { formatFields, jsonText } from '../table.ts';
import { defineVerb } from '../verb.ts';

export const version = defineVerb(
  {
    name: 'net version',
    summary: 'Print the versions of the command line and of the daemon.',
    operands: [],
    options: formatOption,
  },
  async ({ options }, context) => {
    const json = wantsJson(options.format);
    const client = { version: context.version };
    if (!json) await context.write(formatFields([['Client', client.version]]));
    const server = await context.client.version();
    if (json) return context.write(jsonText({ client, server }));
    return context.write(formatFields([['Server', `${server.version} (API ${server.apiVersion})`]]));
  },
);
