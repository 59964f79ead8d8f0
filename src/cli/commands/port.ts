// net port: published ports.
import { formatOption, jsonText, wantsJson } from '../../model/output-format.ts';
import { formatPort, formatReach } from '../ports.ts';
import { defineVerb } from '../verb.ts';

export const port = defineVerb(
  {
    name: 'net port',
    summary: 'List the published ports of a sandbox, or of all.',
    operands: ['[TARGET]'],
    options: { ...formatOption, quiet: { kind: 'flag', short: 'q', help: 'addresses and ports only' } },
  },
  async ({ options, operands: [target] }, { client, write }) => {
    const json = wantsJson(options.format);
    const ports = await client.ports(target);
    if (json) return write(jsonText(ports));
    const lines = ports.map((one) => {
      if (options.quiet) return formatReach(one);
      return target === undefined ? `${one.sandboxName} ${formatPort(one)}` : formatPort(one);
    });
    return write(lines.map((line) => `${line}\n`).join(''));
  },
);
