// net version: of the command line and of the daemon.
import { formatOption, jsonText, wantsJson } from '../../model/output-format.ts';
import { formatFields } from '../table.ts';
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
