// Checking `-o` options of networks: each driver has a table of rules, one for each option.
import { familyOf, type IpFamily, parseIp } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import { isIfname } from '../base/ifname.ts';

export interface OptionRule {
  /** Fairlead's short name. */
  readonly name: string;
  /** Other names it goes by, such as Docker's label. */
  readonly synonyms?: readonly string[];
  /** The value in canonical form. `key` is as the user wrote it, for the message. Errors: `invalid_parameter`. */
  readonly parse: (value: string, key: string) => string;
}

export type Options = Readonly<Record<string, string>>;

/** Options every driver with interfaces knows. */
export const commonOptions: readonly OptionRule[] = [
  { name: 'mtu', synonyms: ['com.docker.network.driver.mtu'], parse: parseMtu },
  { name: 'ifprefix', synonyms: ['com.docker.network.container_iface_prefix'], parse: parseIfprefix },
  { name: 'forward_dns', parse: parseForwardDns },
];

/** Errors: `invalid_parameter`, for an unknown key listing the known ones, and for one option given two values. */
export function normalizeOptions(driver: string, rules: readonly OptionRule[], raw: Options): Options {
  const normal = new Map<string, string>();
  for (const [key, text] of Object.entries(raw)) {
    const rule = rules.find(({ name, synonyms }) => name === key || synonyms?.includes(key) === true);
    if (rule === undefined) throw unknownOption(driver, rules, key);
    const value = rule.parse(text, key);
    const before = normal.get(rule.name);
    if (before !== undefined && before !== value) {
      throw new NetError(
        'invalid_parameter',
        `option ${rule.name} is given twice, as ${before} and as ${value}`,
      );
    }
    normal.set(rule.name, value);
  }
  return Object.fromEntries(normal);
}

/** What Go's strconv.ParseBool takes, as Docker's users are used to. */
export function parseBool(value: string, key: string): string {
  if (['1', 't', 'T', 'true', 'True', 'TRUE'].includes(value)) return 'true';
  if (['0', 'f', 'F', 'false', 'False', 'FALSE'].includes(value)) return 'false';
  throw bad(key, value, 'a boolean (true or false)');
}

export function parseChoice(...choices: readonly string[]): OptionRule['parse'] {
  return (value, key) => {
    if (!choices.includes(value)) throw bad(key, value, `one of ${choices.join(', ')}`);
    return value;
  };
}

export function parseIfname(value: string, key: string): string {
  if (!isIfname(value))
    throw bad(
      key,
      value,
      'an interface name (at most 15 characters, no slash, colon, percent sign or space)',
    );
  return value;
}

/** Interface names joined by colons. */
export function parseIfnames(value: string, key: string): string {
  return value
    .split(':')
    .map((name) => parseIfname(name, key))
    .join(':');
}

export function parseAddress(value: string, key: string): string {
  return parseIp(value, `option ${key}`);
}

export function parseAddressOf(family: IpFamily): OptionRule['parse'] {
  return (value, key) => {
    const address = parseAddress(value, key);
    if (familyOf(address) !== family) throw bad(key, value, `an IPv${family} address`);
    return address;
  };
}

export function bad(key: string, value: string, wanted: string): NetError {
  return new NetError('invalid_parameter', `option ${key}: ${JSON.stringify(value)} is not ${wanted}`);
}

/** RFC 791: every IPv4 link takes 68 bytes. The kernel counts an interface's MTU up to 65535. */
function parseMtu(value: string, key: string): string {
  const bytes = Number(value);
  if (!/^\d+$/.test(value) || bytes < 68 || bytes > 65_535) throw bad(key, value, 'an MTU from 68 to 65535');
  return String(bytes);
}

/** Room is left for a number. */
function parseIfprefix(value: string, key: string): string {
  if (!isIfname(`${value}999`)) throw bad(key, value, 'an interface name of at most 12 characters');
  return value;
}

function parseForwardDns(value: string, key: string): string {
  if (value === 'host' || value === 'none') return value;
  return value
    .split(',')
    .map((address) => parseAddress(address, key))
    .join(',');
}

function unknownOption(driver: string, rules: readonly OptionRule[], key: string): NetError {
  const known = rules.map(({ name }) => name).sort();
  const hint = known.length === 0 ? 'it has none' : `known are ${known.join(', ')}`;
  return new NetError('invalid_parameter', `unknown option ${key} of driver ${driver}; ${hint}`);
}
