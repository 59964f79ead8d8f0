// The rules that let networks' packets past the rules of others. Pure.
import type { Expression } from '../../kernel/nftables/expression/expression.ts';
import type { Rule } from '../../kernel/nftables/rule.ts';
import { rule, verdict } from '../nftables/match.ts';

export interface PatternVerdict {
  readonly which: 'iifname' | 'oifname';
  readonly pattern: Pattern;
  readonly verdict: 'accept' | 'return';
}

/**
 * Names of interfaces as a rule compares them: `br0` and a NUL is that one, `fl-` without a NUL is all that begin so. Both
 * iptables and nft read either.
 */
export type Pattern = string;

export function exactly(name: string): Pattern {
  return `${name}\0`;
}

/** As a person writes it, with the sign that stands for any end of a name. */
export function patternText(pattern: Pattern, anyEnd: '*' | '+'): string {
  return pattern.endsWith('\0') ? pattern.slice(0, -1) : `${pattern}${anyEnd}`;
}

/** Bridges of default name, which are most, take one rule together. In order, so that equal sets give equal lists. */
export function patternsOf(bridges: Iterable<string>): readonly Pattern[] {
  const patterns = [...bridges].map((name) =>
    name.startsWith(defaultPrefix) ? defaultPrefix : exactly(name),
  );
  return [...new Set(patterns)].sort();
}

/** Our chain for names, which are asked for at the gateways of networks with pods and containers of engines. */
export function inputRules(networks: readonly Pattern[]): readonly Rule[] {
  return networks.flatMap((pattern) =>
    [IPPROTO_UDP, IPPROTO_TCP].map((protocol) =>
      rule(interfaceLike('iifname', pattern), destinationPortIs(protocol, 53), verdict('accept')),
    ),
  );
}

/** Our chain for what is forwarded, where everybody else has had a say: our own table decides about it in any case. */
export function acceptRules(networks: readonly Pattern[]): readonly Rule[] {
  return (['iifname', 'oifname'] as const).flatMap((which) =>
    networks.map((pattern) => rule(interfaceLike(which, pattern), verdict('accept'))),
  );
}

/** Our chain for what is forwarded, before Docker's rules. */
export function forwardRules(networks: readonly Pattern[], named: readonly Pattern[]): readonly Rule[] {
  return forwardVerdicts(networks, named).map((one) =>
    rule(interfaceLike(one.which, one.pattern), verdict(one.verdict)),
  );
}

/**
 * Which forwarded packets are let past Docker's rules. A packet between a network and one of Docker's bridges goes on to Docker's rules, which keep
 * apart what Docker keeps apart; any other of a network's is accepted, as our own table decides about it in any case.
 * @param named bridges that Docker's rules name; one of ours among them is Docker's.
 */
export function forwardVerdicts(
  networks: readonly Pattern[],
  named: readonly Pattern[],
): readonly PatternVerdict[] {
  const ours = networks.filter((pattern) => !named.includes(pattern));
  const ofDocker = [...dockerPrefixes, ...named.filter((pattern) => !looksLikeDocker(pattern))];
  // A bridge of ours that was given a name like Docker's must be told apart before the rules for those.
  const alike = ours.filter(looksLikeDocker);
  const others = ours.filter((pattern) => !looksLikeDocker(pattern));
  if (ours.length === 0) return [];
  return [
    ...alike.map((pattern) => ({ which: 'oifname', pattern, verdict: 'accept' }) as const),
    ...ofDocker.map((pattern) => ({ which: 'oifname', pattern, verdict: 'return' }) as const),
    ...ours.map((pattern) => ({ which: 'iifname', pattern, verdict: 'accept' }) as const),
    ...ofDocker.map((pattern) => ({ which: 'iifname', pattern, verdict: 'return' }) as const),
    ...others.map((pattern) => ({ which: 'oifname', pattern, verdict: 'accept' }) as const),
  ];
}

const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;
const defaultPrefix = 'fl-';
/** `docker0`, `docker_gwbridge`, and those Docker names by the beginning of a network's id. */
const dockerPrefixes: readonly Pattern[] = ['docker', 'br-'];

function looksLikeDocker(pattern: Pattern): boolean {
  return dockerPrefixes.some((prefix) => pattern.startsWith(prefix));
}

function interfaceLike(which: 'iifname' | 'oifname', pattern: Pattern): readonly Expression[] {
  return [
    { kind: 'meta', key: which, to: 0 },
    { kind: 'cmp', from: 0, operator: 'eq', value: Uint8Array.from(Buffer.from(pattern)) },
  ];
}

/** As iptables writes `-p udp --dport 53` from 1.8.8 on. */
function destinationPortIs(protocol: number, port: number): readonly Expression[] {
  return [
    { kind: 'meta', key: 'l4proto', to: 0 },
    { kind: 'cmp', from: 0, operator: 'eq', value: Uint8Array.of(protocol) },
    { kind: 'payload', header: 'transport', offsetBytes: 2, lengthBytes: 2, to: 0 },
    { kind: 'cmp', from: 0, operator: 'eq', value: Uint8Array.of(port >> 8, port & 0xff) },
  ];
}
