// The command lines of `net connect` and `net disconnect`: parsed by the daemon, because the static front does not know them, and
// shown by the command line's help and completions.
import { type Command, type Parsed, UsageError } from '../base/command-line.ts';
import { keyValues, linkValues } from './flag-values.ts';
import type { ConnectBody } from './wire.ts';

export const connectCommand = {
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
    format: { kind: 'value', value: 'FORMAT', help: 'json prints the endpoint with its addresses' },
  },
} as const satisfies Command;

export const disconnectCommand = {
  name: 'net disconnect',
  summary: 'Disconnect a sandbox from a network.',
  operands: ['NETWORK', 'TARGET'],
  options: { force: { kind: 'flag', short: 'f', help: 'being disconnected already is fine' } },
} as const satisfies Command;

type ConnectLine = Parsed<(typeof connectCommand)['options'], (typeof connectCommand)['operands']>;

/** Errors: `UsageError`. */
export function connectBodyOf({ options, operands: [, target] }: ConnectLine): ConnectBody {
  const { mac, ifname, 'gw-priority': priority } = options;
  return {
    target,
    addresses: options.ip,
    aliases: options.alias,
    links: linkValues(options.link),
    ports: options.publish,
    options: keyValues(options.opt, '--opt'),
    ...(mac !== undefined && { mac }),
    ...(ifname !== undefined && { ifname }),
    ...(priority !== undefined && { gatewayPriority: parsePriority(priority) }),
  };
}

function parsePriority(word: string): number {
  if (!/^-?\d{1,9}$/.test(word)) throw new UsageError(`--gw-priority ${word}: a whole number is expected`);
  return Number(word);
}
