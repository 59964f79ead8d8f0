// The command lines of `net run` and `net exec` as requests to the core.
import { resolve } from 'node:path';
import { type Parsed, UsageError } from '../../base/command-line.ts';
import { NetError } from '../../base/errors.ts';
import type { ExecRequest, ProcessConfig, RunRequest } from '../../core/requests.ts';
import { linkValues, sandboxBody } from '../../model/flag-values.ts';
import type { execCommand, runCommand } from '../../model/launch-commands.ts';
import type { EndpointBody, LaunchBody } from '../../model/wire.ts';
import { parseEndpointBody, parseSandboxBody } from './parse-body.ts';
import type { User } from './resolve-user.ts';

type RunLine = Parsed<(typeof runCommand)['options'], (typeof runCommand)['operands']>;
type ExecLine = Parsed<(typeof execCommand)['options'], (typeof execCommand)['operands']>;

/** Errors: `UsageError` for flags that contradict each other, `invalid_parameter` for values. */
export function runRequest(line: RunLine, body: LaunchBody, user: User | undefined): RunRequest {
  const { options, operands } = line;
  const [program, rest] = operands;
  const detached = options.detach ?? false;
  const restart = options.restart ?? 'no';
  if (!/^(no|always|on-failure(:[1-9]\d{0,8})?)$/.test(restart)) {
    const policies = 'no, always, on-failure and on-failure:N';
    throw new NetError('invalid_parameter', `restart policy ${restart}: there are ${policies}`);
  }
  if (restart !== 'no' && !detached) throw new UsageError('--restart needs --detach');
  if (!detached && options.rm === false) throw new UsageError('--rm=false needs --detach');
  if (restart !== 'no' && options.rm === true) throw new UsageError('--restart and --rm exclude each other');
  if (!detached) checkTerminal(options.tty, body);
  return {
    ...(options.name !== undefined && { name: options.name }),
    ...parseSandboxBody(sandboxBody(options)),
    networks: runNetworks(options).map(({ network, ...endpoint }) => ({
      network,
      ...parseEndpointBody(endpoint),
    })),
    process: processConfig(options, body, user, [program, ...rest]),
    autoRemove: options.rm ?? !detached,
    detached,
    restart,
    terminal: options.tty ?? false,
  };
}

/** Errors: `UsageError`, `invalid_parameter`. */
export function execRequest(line: ExecLine, body: LaunchBody, user: User | undefined): ExecRequest {
  const { options, operands } = line;
  const [target, first, rest] = operands;
  checkTerminal(options.tty, body);
  const command = first === '--' ? rest : [first, ...rest];
  if (command.length === 0) throw new UsageError('CMD is missing');
  return { target, process: processConfig(options, body, user, command) };
}

type NetworkEntry = { readonly network: string } & EndpointBody;

/** The networks in order; flags about an endpoint are about the first. */
function runNetworks(options: RunLine['options']): readonly NetworkEntry[] {
  const words = options.network.length === 0 ? ['bridge'] : options.network;
  const [first, ...others] = words.map(parseNetworkWord);
  if (first === undefined) return [];
  const combined: NetworkEntry = {
    ...first,
    addresses: [...(first.addresses ?? []), ...options.ip],
    aliases: [...(first.aliases ?? []), ...options.alias],
    links: linkValues(options.link),
    ports: options.publish,
    exposed: options.expose,
    publishAll: options['publish-all'] ?? false,
  };
  return [combined, ...others];
}

/** `NET`, `NET:key=value,…` or `sandbox:OTHER`; keys that are no property of an endpoint are driver options. */
function parseNetworkWord(word: string): NetworkEntry {
  const colon = word.indexOf(':');
  if (colon < 0 || word.startsWith('sandbox:')) return { network: word };
  const given = new Map<string, string[]>();
  for (const pair of word.slice(colon + 1).split(',')) {
    const equals = pair.indexOf('=');
    if (equals <= 0) throw new UsageError(`--network ${word}: NET:key=value,… is expected`);
    const key = pair.slice(0, equals);
    given.set(key, [...(given.get(key) ?? []), pair.slice(equals + 1)]);
  }
  const take = (key: string): readonly string[] => {
    const values = given.get(key) ?? [];
    given.delete(key);
    return values;
  };
  const [addresses, aliases] = [take('ip'), take('alias')];
  const [mac, ifname, priority] = [take('mac').at(-1), take('ifname').at(-1), take('gw-priority').at(-1)];
  return {
    network: word.slice(0, colon),
    addresses,
    aliases,
    ...(mac !== undefined && { mac }),
    ...(ifname !== undefined && { ifname }),
    ...(priority !== undefined && { gatewayPriority: parsePriority(priority) }),
    options: Object.fromEntries([...given].map(([key, values]) => [key, values.at(-1) ?? ''])),
  };
}

function parsePriority(text: string): number {
  if (!/^-?\d{1,9}$/.test(text)) {
    throw new NetError('invalid_parameter', `gw-priority ${text} is not a whole number`);
  }
  return Number(text);
}

function processConfig(
  options: ExecLine['options'],
  body: LaunchBody,
  user: User | undefined,
  command: readonly string[],
): ProcessConfig {
  // A variable without a value is the caller's own, which the process has anyway.
  const given = options.env.filter((word) => word.includes('='));
  const bad = options.env.find((word) => word.startsWith('=') || word === '');
  if (bad !== undefined) throw new UsageError(`--env ${bad}: KEY=VALUE is expected`);
  const home = user?.home === undefined ? [] : [`HOME=${user.home}`];
  return {
    pid: body.pid,
    command,
    directory: resolve(body.directory, options.workdir ?? '.'),
    environment: [...home, ...given],
    ...(user !== undefined && { user: { uid: user.uid, gid: user.gid, groups: user.groups } }),
  };
}

function checkTerminal(wanted: boolean | undefined, body: LaunchBody): void {
  if (wanted === true && body.terminal[0] !== true) {
    throw new NetError('invalid_parameter', 'a terminal is asked for (-t), but the input is none');
  }
}
