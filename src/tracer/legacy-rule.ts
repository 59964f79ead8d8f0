// A rule of iptables as iptables-save prints it, and what it makes of a packet. Pure.
import {
  type Cidr,
  contains,
  familyOf,
  type IpAddress,
  parseInterfaceAddress,
  subnetOf,
} from '../base/cidr.ts';
import { type Packet, type Position, protocolNumber } from './packet.ts';
import type { Effect, RuleOutcome } from './rule-machine.ts';

export interface LegacySurroundings {
  readonly position: Position;
  readonly chains: ReadonlySet<string>;
  /** RTN_… */
  addressType(address: IpAddress): number;
}

/** One option of a rule: `! --dport 80:90` is `--dport`, inverted, with one value. */
interface Option {
  readonly name: string;
  readonly inverted: boolean;
  readonly values: readonly string[];
}

type Test = (values: readonly string[], packet: Packet, around: LegacySurroundings) => boolean | undefined;

const RTN_LOCAL = 2;
/** Names as iptables prints them; the numbers are IPPROTO_*. */
const protocols: Readonly<Record<string, number>> = {
  icmp: 1,
  tcp: 6,
  udp: 17,
  'ipv6-icmp': 58,
  icmpv6: 58,
  sctp: 132,
};

const tests: Readonly<Record<string, Test>> = {
  '-s': ([subnet = ''], { source }) => isIn(subnet, source),
  '-d': ([subnet = ''], { destination }) => isIn(subnet, destination),
  '-i': ([pattern = ''], _, { position }) => isNamed(pattern, position.iif?.name),
  '-o': ([pattern = ''], _, { position }) => isNamed(pattern, position.oif?.name),
  '-p': ([name = ''], packet) => (protocols[name] ?? Number(name)) === protocolNumber(packet),
  '--dport': ([range = ''], { destinationPort }) => isBetween(range, destinationPort),
  '--sport': ([range = ''], { sourcePort }) => isBetween(range, sourcePort),
  '--dports': ([list = ''], { destinationPort }) => isAmong(list, destinationPort),
  '--ctstate': ([list = ''], packet) => hasState(list, packet),
  '--state': ([list = ''], packet) => hasState(list, packet),
  '--dst-type': ([type = ''], { destination }, around) => isOfType(type, around.addressType(destination)),
  '--src-type': ([type = ''], { source }, around) => isOfType(type, around.addressType(source)),
  '--tcp-flags': ([mask = '', wanted = ''], packet) => hasFlags(mask, wanted, packet),
  '--comment': () => true,
  // A first packet exceeds no limit.
  '--limit': () => true,
  '--limit-burst': () => true,
};

/** Change nothing of where a packet goes. */
const neutralTargets = new Set(
  'LOG NFLOG MARK CONNMARK CT NOTRACK CHECKSUM TCPMSS TRACE TTL HL DSCP TOS'.split(' '),
);

/** @param text after `-A CHAIN`. */
export function runLegacyRule(text: string, packet: Packet, around: LegacySurroundings): RuleOutcome {
  const options = parseOptions(text);
  const end = options.findIndex(({ name }) => name === '-j' || name === '-g');
  const conditions = end < 0 ? options : options.slice(0, end);
  let holds: boolean | undefined = true;
  for (const { name, inverted, values } of conditions) {
    if (name === '-m') continue;
    const held = tests[name]?.(values, packet, around);
    if (held === inverted) return { holds: false, effect: { kind: 'none' } };
    if (held === undefined) holds = undefined;
  }
  return { holds, effect: end < 0 ? { kind: 'none' } : effectOf(options.slice(end), packet, around) };
}

function effectOf(
  [jump, ...settings]: readonly Option[],
  packet: Packet,
  around: LegacySurroundings,
): Effect {
  const target = jump?.values[0] ?? '';
  if (around.chains.has(target)) return { kind: jump?.name === '-g' ? 'goto' : 'jump', chain: target };
  if (neutralTargets.has(target)) return { kind: 'none' };
  const setting = (name: string) => settings.find((one) => one.name === name)?.values[0];
  switch (target) {
    case 'ACCEPT':
      return { kind: 'verdict', verdict: 'accept' };
    case 'DROP':
      return { kind: 'verdict', verdict: 'drop' };
    case 'RETURN':
      return { kind: 'verdict', verdict: 'return' };
    case 'REJECT':
      return { kind: 'verdict', verdict: 'refuse' };
    case 'MASQUERADE':
      return { kind: 'translate', translation: { which: 'source', address: 'outgoing' } };
    case 'DNAT':
      return translation('destination', setting('--to-destination'), packet);
    case 'SNAT':
      return translation('source', setting('--to-source'), packet);
    default:
      return { kind: 'unknown' };
  }
}

/** `192.0.2.1`, `192.0.2.1:80`, `[fd00::1]:8000-8009/9000`: the base is the first port that was asked for. */
function translation(which: 'source' | 'destination', text: string | undefined, packet: Packet): Effect {
  const form = /^(?:\[([^\]]+)\]|([\d.]+)|([\da-f:]+))(?::(\d+)(?:-\d+)?(?:\/(\d+))?)?$/i;
  const [, bracketed, ipv4, ipv6, first, base] = form.exec(text ?? '') ?? [];
  const address = bracketed ?? ipv4 ?? ipv6;
  if (address === undefined) return { kind: 'unknown' };
  const { destinationPort } = packet;
  const shift = base === undefined || destinationPort === undefined ? 0 : destinationPort - Number(base);
  const port = first === undefined || which === 'source' ? {} : { port: Number(first) + shift };
  return { kind: 'translate', translation: { which, address: address as IpAddress, ...port } };
}

function parseOptions(text: string): readonly Option[] {
  const words = text.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
  const options: { name: string; inverted: boolean; values: string[] }[] = [];
  let inverted = false;
  for (const word of words) {
    if (word === '!') inverted = true;
    else if (/^--?[a-z]/.test(word)) {
      options.push({ name: word, inverted, values: [] });
      inverted = false;
    } else options.at(-1)?.values.push(word);
  }
  return options;
}

function isIn(text: string, address: IpAddress): boolean {
  if (familyOf(text) !== familyOf(address)) return false;
  const subnet = text.includes('/') ? subnetOf(parseInterfaceAddress(text, 'rule')) : undefined;
  return subnet === undefined ? text === address : contains(subnet as Cidr, address);
}

function isNamed(pattern: string, name = ''): boolean {
  return pattern.endsWith('+') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

function isBetween(range: string, port: number | undefined): boolean | undefined {
  const [first = '', last = first] = range.split(':');
  return port === undefined ? undefined : port >= Number(first) && port <= Number(last);
}

function isAmong(list: string, port: number | undefined): boolean | undefined {
  return port === undefined ? undefined : list.split(',').some((range) => isBetween(range, port));
}

function hasState(list: string, { state, translated }: Packet): boolean {
  const own = new Set([
    state === 'new' ? 'NEW' : 'ESTABLISHED',
    ...(translated.destination ? ['DNAT'] : []),
    ...(translated.source ? ['SNAT'] : []),
  ]);
  return list.split(',').some((one) => own.has(one));
}

function isOfType(type: string, found: number): boolean | undefined {
  return type === 'LOCAL' ? found === RTN_LOCAL : undefined;
}

function hasFlags(mask: string, wanted: string, { protocol, state }: Packet): boolean {
  if (protocol !== 'tcp') return false;
  const own = state === 'new' ? ['SYN'] : ['SYN', 'ACK'];
  const looked = mask.split(',').filter((flag) => own.includes(flag));
  const expected = wanted.split(',').filter((flag) => flag !== 'NONE');
  return looked.length === expected.length && looked.every((flag) => expected.includes(flag));
}
