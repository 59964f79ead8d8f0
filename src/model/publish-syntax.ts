// Docker's syntax for published and exposed ports, as the flags `-p` and `--expose` take it.
import { type Cidr, familyBits, familyOf, type IpAddress, parseCidr, parseIp } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import type { ExposedPort, PortRequest, Protocol } from './port.ts';

interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** A publish flag taken apart, before ranges are paired. */
interface Publish {
  readonly hostAddress?: IpAddress;
  readonly host?: PortRange;
  readonly container: PortRange;
  readonly protocol: Protocol;
  readonly from?: readonly Cidr[];
}

const protocols: readonly string[] = ['tcp', 'udp', 'sctp'] satisfies Protocol[];
const longKeys = ['target', 'published', 'host-ip', 'protocol', 'from'];

/**
 * Parses `[HOSTIP:][HOSTPORT[-END]]:PORT[-END][/PROTOCOL]`, `PORT` alone, or `target=PORT,published=…,host-ip=…,protocol=…`
 * with any number of `from=CIDR`. Ranges of equal length are paired one by one; a host range with a single port means the
 * first free one. Errors: `invalid_parameter`.
 */
export function parsePublish(text: string): readonly PortRequest[] {
  const what = `publish ${text}`;
  const publish = text.includes('=') ? parseLong(text, what) : parseShort(text, what);
  return pair(publish, what);
}

/** Parses `PORT[-END][/PROTOCOL]`. Errors: `invalid_parameter`. */
export function parseExpose(text: string): readonly ExposedPort[] {
  const { protocol, ...ports } = parsePorts(text, `expose ${text}`);
  return each(ports).map((port) => ({ protocol, port }));
}

/** Parses `PORT[-END][/PROTOCOL]`; `what` names it in the error. Errors: `invalid_parameter`. */
export function parsePorts(text: string, what: string): PortRange & { readonly protocol: Protocol } {
  const { ports, protocol } = splitProtocol(text, what);
  return { protocol, ...parseRange(ports, what) };
}

/** Parses `PORT[-END][/PROTOCOL]` of ports on the host, to take them back. Errors: `invalid_parameter`. */
export function parseUnpublish(
  text: string,
): readonly { readonly protocol: Protocol; readonly hostPort: number }[] {
  const { protocol, ...ports } = parsePorts(text, `unpublish ${text}`);
  return each(ports).map((hostPort) => ({ protocol, hostPort }));
}

function parseShort(text: string, what: string): Publish {
  const { ports, protocol } = splitProtocol(text, what);
  const { hostIp, rest } = splitHostIp(ports, what);
  const [container = '', host = ''] = rest.split(':').reverse();
  return {
    ...(hostIp !== '' && { hostAddress: parseIp(hostIp, what) }),
    ...(host !== '' && { host: parseRange(host, what) }),
    container: parseRange(container, what),
    protocol,
  };
}

function parseLong(text: string, what: string): Publish {
  const { fields, from } = longFields(text, what);
  const target = fields.get('target');
  if (target === undefined) throw invalid(what, 'target=PORT is missing');
  const published = fields.get('published') ?? '';
  const hostIp = (fields.get('host-ip') ?? '').replace(/^\[(.*)\]$/, '$1');
  return {
    ...(from.length > 0 && { from: [...new Set(from.map((asker) => parseAsker(asker, what)))] }),
    ...(hostIp !== '' && { hostAddress: parseIp(hostIp, what) }),
    ...(published !== '' && { host: parseRange(published, what) }),
    container: parseRange(target, what),
    protocol: parseProtocol(fields.get('protocol') ?? 'tcp', what),
  };
}

/** `from` is the only key that may be there more than once. */
function longFields(text: string, what: string) {
  const fields = new Map<string, string>();
  const from: string[] = [];
  for (const field of text.split(',')) {
    const [key = '', ...value] = field.split('=');
    if (!longKeys.includes(key)) {
      throw invalid(what, `unknown key ${key}; known are ${longKeys.join(', ')}`);
    }
    if (fields.has(key)) throw invalid(what, `${key} is given twice`);
    if (key === 'from') from.push(value.join('='));
    else fields.set(key, value.join('='));
  }
  return { fields, from };
}

/** A subnet, or one address. */
function parseAsker(text: string, what: string): Cidr {
  if (text === '') throw invalid(what, 'from= is empty');
  if (text.includes('/')) return parseCidr(text, `${what}: from`);
  const address = parseIp(text, `${what}: from`);
  return `${address}/${familyBits(familyOf(address))}` as Cidr;
}

function splitProtocol(text: string, what: string) {
  const [ports = '', protocol = 'tcp', ...more] = text.split('/');
  if (more.length > 0) throw invalid(what, 'more than one /');
  return { ports, protocol: parseProtocol(protocol, what) };
}

/** `rest` is `HOST:CONTAINER` or `CONTAINER`. */
function splitHostIp(ports: string, what: string): { readonly hostIp: string; readonly rest: string } {
  const bracketed = /^\[([^\]]*)\](.*)$/.exec(ports);
  const parts = (bracketed?.[2] ?? ports).split(':');
  if (bracketed !== null) {
    if (parts.length !== 3 || parts[0] !== '') {
      throw invalid(what, 'after the host address comes :HOSTPORT:PORT or ::PORT');
    }
    return { hostIp: bracketed[1] ?? '', rest: parts.slice(1).join(':') };
  }
  if (parts.length > 3) throw invalid(what, 'an IPv6 host address is written in brackets');
  const hostIp = parts.length === 3 ? (parts[0] ?? '') : '';
  return { hostIp, rest: parts.slice(-2).join(':') };
}

function parseProtocol(text: string, what: string): Protocol {
  const protocol = text.toLowerCase();
  if (!protocols.includes(protocol)) {
    throw invalid(what, `unknown protocol ${text}; known are ${protocols.join(', ')}`);
  }
  return protocol as Protocol;
}

function parseRange(text: string, what: string): PortRange {
  const [first = '', last = first, ...more] = text.split('-');
  if (more.length > 0) throw invalid(what, `${text} is not a port range`);
  const range = { first: parsePort(first, what), last: parsePort(last, what) };
  if (range.first > range.last) throw invalid(what, `port range ${text} ends before it begins`);
  return range;
}

function parsePort(text: string, what: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65535) throw invalid(what, `"${text}" is not a port (1 to 65535)`);
  return port;
}

function pair({ host, container, ...rest }: Publish, what: string): readonly PortRequest[] {
  const ports = each(container);
  if (host === undefined) return ports.map((port) => ({ ...rest, port }));
  if (ports.length === 1) return ports.map((port) => ({ ...rest, port, hostPort: host }));
  const hostPorts = each(host);
  if (hostPorts.length !== ports.length) {
    throw invalid(what, `${hostPorts.length} host ports cannot be paired with ${ports.length} ports`);
  }
  return hostPorts.map((first, i) => ({
    ...rest,
    port: container.first + i,
    hostPort: { first, last: first },
  }));
}

function each({ first, last }: PortRange): readonly number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

function invalid(what: string, problem: string): NetError {
  return new NetError('invalid_parameter', `${what}: ${problem}`);
}
