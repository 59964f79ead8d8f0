// The daemon's settings: flag over variable over file, each checked where it is read.
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { type IpAddress, parseIp } from '../base/cidr.ts';
import { type Command, type Option, parseCommandLine } from '../base/command-line.ts';
import { NetError } from '../base/errors.ts';
import { type LogLevel, logLevels } from '../base/log.ts';
import { isName } from '../core/check-name.ts';
import { type PoolSpace, parsePoolSpace } from '../ipam/pool-allocator.ts';
import { type ClusterConfig, clusterOptions, readClusterConfig } from './cluster-settings.ts';

export interface Config {
  readonly runDir: string;
  readonly stateDir: string;
  readonly dockerPluginDir: string;
  readonly netnsDir: string;
  readonly firewall: 'auto' | 'nftables' | 'iptables' | 'none';
  /** Empty: the built-in ones. */
  readonly pools: readonly PoolSpace[];
  /** Upstream name servers; empty: the host's, followed live. */
  readonly dns: readonly IpAddress[];
  readonly hostName: string;
  /** Absent: networks end at this host. */
  readonly cluster?: ClusterConfig;
  readonly logLevel: LogLevel;
  readonly logFormat: 'text' | 'json';
}

/** Every setting but the file. The JSON key is the flag in camel case, the variable FAIRLEAD_ and the flag in capitals. */
const settings: Readonly<Record<string, Option>> = {
  'run-dir': { kind: 'value', value: 'DIR', help: 'sockets and sandbox files (/run/fairlead)' },
  'state-dir': { kind: 'value', value: 'DIR', help: 'records (/var/lib/fairlead)' },
  'docker-plugin-dir': {
    kind: 'value',
    value: 'DIR',
    help: 'where dockerd looks for plugins (/run/docker/plugins)',
  },
  'netns-dir': { kind: 'value', value: 'DIR', help: 'pinned network namespaces (/run/netns)' },
  firewall: { kind: 'value', value: 'NAME', help: 'auto, nftables, iptables or none (auto)' },
  pool: { kind: 'list', value: 'CIDR,SIZE', help: 'cut subnets of prefix length SIZE from CIDR' },
  dns: { kind: 'list', value: 'ADDR', help: "upstream name server (the host's, followed live)" },
  'host-name': { kind: 'value', value: 'NAME', help: "name of this host (the system's)" },
  'log-level': { kind: 'value', value: 'LEVEL', help: `${logLevels.join(', ')} (info)` },
  'log-format': { kind: 'value', value: 'FORMAT', help: 'text or json (text)' },
  ...clusterOptions,
  'listen-metrics': { kind: 'value', value: 'ADDR:PORT', help: 'not available in this version' },
};

const file: Option = {
  kind: 'value',
  value: 'FILE',
  help: 'settings as JSON (/etc/fairlead/netd.json, if there)',
};

/** How netd is called. */
export const netdCommand = {
  name: 'netd',
  summary: 'the daemon',
  operands: [],
  options: { config: file, ...settings },
} as const satisfies Command;

const notYet: readonly string[] = ['listen-metrics'];

/**
 * Returns undefined when help was asked for. No message has the user and password of a URL in it.
 * Errors: `UsageError`; `invalid_parameter` naming the flag, variable or key; `not_found` (config file).
 */
export function readConfig(args: readonly string[], env: Environment): Config | undefined {
  try {
    return read(args, env);
  } catch (error) {
    if (error instanceof Error) error.message = error.message.replaceAll(/\/\/\S*@/g, '//…@');
    throw error;
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

function read(args: readonly string[], env: Environment): Config | undefined {
  const parsed = parseCommandLine(netdCommand, args);
  if (parsed === 'help') return undefined;
  const flags: Readonly<Record<string, unknown>> = parsed.options;
  const content = readFile(fromFlag(flags['config'])?.[0] ?? env['FAIRLEAD_CONFIG']);
  const values = new Map<string, readonly string[]>();
  for (const [flag, { kind }] of Object.entries(settings)) {
    const value = fromFlag(flags[flag]) ?? fromVariable(flag, kind, env) ?? fromFile(flag, kind, content);
    if (value === undefined) continue;
    if (notYet.includes(flag))
      throw new NetError('not_implemented', `--${flag} is not available in this version`);
    values.set(flag, value);
  }
  return toConfig(values);
}

function readFile(named: string | undefined): Readonly<Record<string, unknown>> {
  const path = named ?? '/etc/fairlead/netd.json';
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (named === undefined) return {};
    throw new NetError('not_found', `config file ${path} cannot be read`, { cause: error });
  }
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    // Without the piece of the file that is quoted: it may be of a password.
    const reason = String(error).replace(/, (\.\.\.)?".*/s, '');
    throw new NetError('invalid_parameter', `config file ${path} is not JSON: ${reason}`);
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new NetError('invalid_parameter', `config file ${path} is not a JSON object`);
  }
  const known = Object.keys(settings).map(camelCase);
  for (const key of Object.keys(content)) {
    if (!known.includes(key)) {
      throw new NetError(
        'invalid_parameter',
        `config file ${path}: unknown key ${key}; known are ${known.join(', ')}`,
      );
    }
  }
  return content as Readonly<Record<string, unknown>>;
}

function fromFlag(value: unknown): readonly string[] | undefined {
  const words = value === undefined ? [] : [value].flat().map(String);
  return words.length === 0 ? undefined : words;
}

/** A list in a variable is separated by spaces. */
function fromVariable(flag: string, kind: Option['kind'], env: Environment): readonly string[] | undefined {
  const value = env[`FAIRLEAD_${flag.toUpperCase().replaceAll('-', '_')}`];
  if (value === undefined) return undefined;
  return kind === 'list' ? value.split(' ').filter((word) => word !== '') : [value];
}

function fromFile(
  flag: string,
  kind: Option['kind'],
  content: Readonly<Record<string, unknown>>,
): readonly string[] | undefined {
  const value = content[camelCase(flag)];
  if (value === undefined) return undefined;
  const values: readonly unknown[] = Array.isArray(value) && kind === 'list' ? value : [value];
  return values.map((one) => {
    if (typeof one === 'string') return one;
    throw new NetError(
      'invalid_parameter',
      `config file: ${camelCase(flag)}: ${JSON.stringify(one)} is not a string`,
    );
  });
}

function toConfig(values: ReadonlyMap<string, readonly string[]>): Config {
  const text = (flag: string, fallback: string) => values.get(flag)?.[0] ?? fallback;
  const cluster = readClusterConfig(values);
  return {
    runDir: directory('run-dir', text('run-dir', '/run/fairlead')),
    stateDir: directory('state-dir', text('state-dir', '/var/lib/fairlead')),
    dockerPluginDir: directory('docker-plugin-dir', text('docker-plugin-dir', '/run/docker/plugins')),
    netnsDir: directory('netns-dir', text('netns-dir', '/run/netns')),
    firewall: oneOf('firewall', text('firewall', 'auto'), ['auto', 'nftables', 'iptables', 'none'] as const),
    pools: (values.get('pool') ?? []).map((text) => parsePoolSpace(text, '--pool')),
    dns: (values.get('dns') ?? []).map((address) => parseIp(address, '--dns')),
    hostName: hostName(values.get('host-name')?.[0]),
    ...(cluster !== undefined && { cluster }),
    logLevel: oneOf('log-level', text('log-level', 'info'), logLevels),
    logFormat: oneOf('log-format', text('log-format', 'text'), ['text', 'json'] as const),
  };
}

function directory(flag: string, path: string): string {
  if (!path.startsWith('/'))
    throw new NetError('invalid_parameter', `--${flag}: ${path} is not an absolute path`);
  return path;
}

/** The system's own is bent to the form that names have. */
function hostName(given: string | undefined): string {
  if (given === undefined) {
    const bent = hostname()
      .replace(/^[^a-zA-Z0-9]+/, '')
      .replaceAll(/[^a-zA-Z0-9_.-]/g, '-')
      .slice(0, 63);
    return bent === '' ? 'host' : bent;
  }
  if (isName(given)) return given;
  const form = '1 to 63 characters [a-zA-Z0-9][a-zA-Z0-9_.-]*';
  throw new NetError('invalid_parameter', `--host-name: ${given} is no name of ${form}`);
}

function oneOf<T extends string>(flag: string, text: string, allowed: readonly T[]): T {
  const value = allowed.find((one) => one === text);
  if (value === undefined)
    throw new NetError('invalid_parameter', `--${flag}: ${text} is none of ${allowed.join(', ')}`);
  return value;
}

function camelCase(flag: string): string {
  return flag.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}
