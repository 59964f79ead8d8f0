// net connect: a sandbox to a network.
import { UsageError } from '../../base/command-line.ts';
import { keyValues, linkValues } from '../../model/flag-values.ts';
import { formatOption, wantsJson } from '../output.ts';
import { jsonText } from '../table.ts';
import { defineVerb } from '../verb.ts';

export const connect = defineVerb(
  {
    name: 'net connect',
    summary: 'Connect a sandbox, or a namespace written pid:PID or netns:PATH, to a network.',
    operands: ['NETWORK', 'TARGET'],
    options: {
      ip: { kind: 'list', value: 'IP', help: 'address, one per family (default: the next free one)' },
      alias: { kind: 'list', value: 'NAME', help: 'further name on this network' },
      mac: { kind: 'value', value: 'MAC', help: 'hardware address' },
      ifname: { kind: 'value', value: 'NAME', help: 'name of the interface (default: ethN)' },
      'gw-priority': {
        kind: 'value',
        value: 'N',
        help: 'the highest gives the default route (default 0, may be negative)',
      },
      link: { kind: 'list', value: 'TARGET:ALIAS', help: 'private name for another sandbox' },
      publish: {
        kind: 'list',
        short: 'p',
        value: 'PORT',
        help: '[HOSTIP:][HOSTPORT]:PORT[/PROTOCOL], or target=PORT,published=HOSTPORT,from=CIDR',
      },
      opt: { kind: 'list', short: 'o', value: 'K=V', help: 'driver option' },
      format: { ...formatOption.format, help: 'json prints the endpoint with its addresses' },
    },
  },
  async ({ options, operands: [network, target] }, { client, write }) => {
    const json = wantsJson(options.format);
    const endpoint = await client.connect(network, {
      target,
      addresses: options.ip,
      aliases: options.alias,
      links: linkValues(options.link),
      ports: options.publish,
      options: keyValues(options.opt, '--opt'),
      ...(options.mac !== undefined && { mac: options.mac }),
      ...(options.ifname !== undefined && { ifname: options.ifname }),
      ...(options['gw-priority'] !== undefined && {
        gatewayPriority: parsePriority(options['gw-priority']),
      }),
    });
    if (json) await write(jsonText([endpoint]));
  },
);

function parsePriority(word: string): number {
  if (!/^-?\d{1,9}$/.test(word)) throw new UsageError(`--gw-priority ${word}: a whole number is expected`);
  return Number(word);
}
