// CNI_ARGS: what a runtime says about a container in `KEY=VALUE;KEY=VALUE`.
import { addressOf, type IpAddress, parseInterfaceAddress, parseIp, prefixOf } from '../base/cidr.ts';
import { type MacAddress, parseMac } from '../base/mac.ts';
import { CniError, cniCode } from './errors.ts';

/** An address somebody asks for; runtimes send it with its prefix length or without. */
export interface RequestedIp {
  readonly address: IpAddress;
  readonly prefix?: number;
}

export interface CniArgs {
  readonly ips: readonly RequestedIp[];
  readonly gateways: readonly IpAddress[];
  readonly mac?: MacAddress;
  readonly podName?: string;
  readonly podNamespace?: string;
}

/** Those without a place in `CniArgs` are known, and not needed. */
const known = [
  'IgnoreUnknown',
  'IP',
  'MAC',
  'GATEWAY',
  'K8S_POD_NAMESPACE',
  'K8S_POD_NAME',
  'K8S_POD_INFRA_CONTAINER_ID',
  'K8S_POD_UID',
];

/** Errors: 4 for what is not of the form, for bad values, and for unknown keys unless `IgnoreUnknown` says otherwise. */
export function parseCniArgs(text: string): CniArgs {
  const values = new Map(text.split(';').filter(Boolean).map(splitPair));
  const unknown = [...values.keys()].filter((key) => !known.includes(key)).sort();
  if (unknown.length > 0 && !ignoresUnknown(values.get('IgnoreUnknown'))) {
    throw bad(`unknown keys ${unknown.join(', ')}; known are ${known.join(', ')}`);
  }
  const mac = values.get('MAC');
  const podName = values.get('K8S_POD_NAME');
  const podNamespace = values.get('K8S_POD_NAMESPACE');
  return {
    ips: each(values.get('IP')).map((ip) => checked(() => parseRequestedIp(ip, 'CNI_ARGS IP'))),
    gateways: each(values.get('GATEWAY')).map((ip) => checked(() => parseIp(ip, 'CNI_ARGS GATEWAY'))),
    ...(mac && { mac: checked(() => parseMac(mac, 'CNI_ARGS MAC')) }),
    ...(podName && { podName }),
    ...(podNamespace && { podNamespace }),
  };
}

/** `10.0.0.5` or `10.0.0.5/24`. Errors: `invalid_parameter`. */
export function parseRequestedIp(text: string, what: string): RequestedIp {
  if (!text.includes('/')) return { address: parseIp(text, what) };
  const address = parseInterfaceAddress(text, what);
  return { address: addressOf(address), prefix: prefixOf(address) };
}

function splitPair(pair: string): [string, string] {
  const index = pair.indexOf('=');
  if (index <= 0) throw bad(`${JSON.stringify(pair)} is not KEY=VALUE`);
  return [pair.slice(0, index), pair.slice(index + 1)];
}

function ignoresUnknown(value: string | undefined): boolean {
  const lower = (value ?? 'false').toLowerCase();
  if (lower === '1' || lower === 'true') return true;
  if (lower === '0' || lower === 'false') return false;
  throw bad(`IgnoreUnknown: ${JSON.stringify(value)} is not true or false`);
}

function each(list: string | undefined): readonly string[] {
  return (list ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);
}

/** A bad value is one of the environment, not of the configuration. */
function checked<T>(parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw bad(cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function bad(problem: string, cause?: unknown): CniError {
  return new CniError(
    cniCode.badEnvironment,
    problem.startsWith('CNI_ARGS') ? problem : `CNI_ARGS: ${problem}`,
    { cause },
  );
}
