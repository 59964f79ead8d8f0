// The options of overlay networks, with Docker's labels for them.
import { bridgeOptions } from '../bridge/options.ts';
import { bad, commonOptions, type OptionRule, parseBool } from '../options.ts';

/** 24 bits; 0 is nobody's (RFC 7348, section 5). */
const maxVni = 2 ** 24 - 1;
const maxPort = 65_535;
/** As on a bridge. What is left out there is of one host's own bridge and addresses. */
const shared = new Set([
  'masquerade',
  'icc',
  'gateway_mode_ipv4',
  'gateway_mode_ipv6',
  'host_binding',
  'hairpin',
  'anti_spoofing',
]);

export const overlayOptions: readonly OptionRule[] = [
  ...commonOptions,
  { name: 'vni', synonyms: ['com.docker.network.driver.overlay.vxlanid_list'], parse: parseVni },
  { name: 'vtep_port', parse: parsePort },
  { name: 'encrypted', parse: parseSwitch },
  { name: 'multicast', parse: parseBool },
  ...bridgeOptions.filter(({ name }) => shared.has(name)),
];

function parseVni(value: string, key: string): string {
  return parseNumber(value, maxVni) ?? refuse(key, value, `one VXLAN id from 1 to ${maxVni}`);
}

function parsePort(value: string, key: string): string {
  return parseNumber(value, maxPort) ?? refuse(key, value, `a port from 1 to ${maxPort}`);
}

/** Docker's `--opt encrypted` has no value. */
function parseSwitch(value: string, key: string): string {
  return value === '' ? 'true' : parseBool(value, key);
}

function parseNumber(value: string, most: number): string | undefined {
  const number = Number(value);
  return /^\d+$/.test(value) && number >= 1 && number <= most ? String(number) : undefined;
}

function refuse(key: string, value: string, wanted: string): never {
  throw bad(key, value, wanted);
}
