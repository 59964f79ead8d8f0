// One hook of the kernel's packet path in a namespace: all base chains there, whoever made them, in their order.
import type { IpAddress } from '../base/cidr.ts';
import type { AnyFamily, ReadChain, ReadRule, WholeRuleset } from '../kernel/nftables/whole-ruleset.ts';
import { type ChainOutcome, ChainRunner, type RunnableChain } from './chains.ts';
import { readLegacyHook } from './legacy.ts';
import { familyOfPacket, type Packet, type PartlyKnown, type Position } from './packet.ts';
import type { Place } from './place.ts';
import { runRule, type Surroundings, type Translation } from './rule-machine.ts';
import type { RulePlace } from './tracer.ts';

/** NF_INET_* of include/uapi/linux/netfilter.h; those of bridges have the same numbers. */
export const hookNumbers = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;
export type HookName = keyof typeof hookNumbers;

export interface HookRequest {
  readonly place: Place;
  readonly hook: HookName;
  readonly packet: Packet;
  readonly position: Position;
  /** The packet passes a bridge, and these are its rules. */
  readonly bridge?: { readonly linkHeader: PartlyKnown };
  /** The connection is known already: nothing is translated any more. */
  readonly isTranslated?: boolean;
}

export interface HookOutcome {
  readonly verdict: 'accept' | 'drop' | 'refuse' | 'unknown';
  /** The rule that decided; of an accepted packet, that translated it. */
  readonly rule?: RulePlace;
  readonly translation?: Translation;
}

/** A base chain in words all sources of rules share. */
export interface HookChain {
  readonly place: Omit<RulePlace, 'number' | 'handle'>;
  readonly isNat: boolean;
  readonly priority: number;
  readonly drops: boolean;
  run(packet: Packet): Promise<ChainOutcome>;
}

export async function runHook(request: HookRequest): Promise<HookOutcome> {
  const chains = [...(await nftChains(request)), ...(await legacyChains(request))];
  const inOrder = chains.toSorted((a, b) => a.priority - b.priority);
  let translated: Pick<HookOutcome, 'rule' | 'translation'> = {};
  for (const chain of inOrder) {
    // Later chains of a kind are not asked once a connection is translated (nf_nat_inet_fn, net/netfilter/nf_nat_core.c).
    if (chain.isNat && (isKnown(request) || translated.translation !== undefined)) continue;
    const outcome = await chain.run(translatedPacket(request, translated.translation));
    const rule = ruleOf(chain, outcome);
    if (outcome.verdict === 'drop' || outcome.verdict === 'refuse') return { verdict: outcome.verdict, rule };
    if (outcome.verdict === 'unknown' || outcome.verdict === 'queue') return { verdict: 'unknown', rule };
    if (outcome.verdict === 'translate' && outcome.translation !== undefined) {
      translated = { rule, translation: outcome.translation };
    }
    if (outcome.verdict === 'end' && chain.drops) return { verdict: 'drop', rule: chain.place };
  }
  return { verdict: 'accept', ...translated };
}

function isKnown({ packet, isTranslated }: HookRequest): boolean {
  return isTranslated === true || packet.state === 'established';
}

/** Chains after the one that translates see the packet as it is then. */
function translatedPacket({ packet, position, place }: HookRequest, translation?: Translation): Packet {
  return translation === undefined ? packet : translate(packet, translation, { place, position });
}

/** The packet with another source or destination. */
export function translate(
  packet: Packet,
  { which, address, port }: Translation,
  { place, position }: { readonly place: Place; readonly position: Position },
): Packet {
  const link = address === 'outgoing' ? position.oif : position.iif;
  const own = link === undefined ? undefined : place.addressOn(link, familyOfPacket(packet));
  const loopback = (familyOfPacket(packet) === 4 ? '127.0.0.1' : '::1') as IpAddress;
  const isOwn = address === 'outgoing' || address === 'incoming';
  const to = isOwn ? (own ?? loopback) : address;
  const translated = { ...packet.translated, [which]: true };
  if (which === 'source') return { ...packet, translated, source: to ?? packet.source };
  return {
    ...packet,
    translated,
    destination: to ?? packet.destination,
    ...(port !== undefined && { destinationPort: port }),
  };
}

function ruleOf({ place }: HookChain, { rule }: ChainOutcome): RulePlace {
  return rule === undefined ? place : { ...place, ...rule };
}

async function nftChains(request: HookRequest): Promise<readonly HookChain[]> {
  const { place, hook, packet, bridge } = request;
  const ruleset = await place.ruleset();
  const families: readonly AnyFamily[] =
    bridge === undefined ? ['inet', familyOfPacket(packet) === 4 ? 'ip' : 'ip6'] : ['bridge'];
  return ruleset.chains.flatMap((chain) => {
    const { base, family, table, name } = chain;
    if (base?.hook !== hookNumbers[hook] || !families.includes(family)) return [];
    const chains = new Map(
      ruleset.chains
        .filter((one) => one.family === family && one.table === table)
        .map((one) => [one.name, runnable(one, request, ruleset)]),
    );
    return [
      {
        place: { family, table, chain: name },
        isNat: base.type === 'nat',
        priority: base.priority,
        drops: base.drops,
        run: (one: Packet) => new ChainRunner(chains, one).run(name),
      },
    ];
  });
}

function runnable(chain: ReadChain, request: HookRequest, ruleset: WholeRuleset): RunnableChain {
  const around = surroundings(chain, request, ruleset);
  return {
    rules: chain.rules.map(({ handle, expressions }: ReadRule) => ({
      handle: String(handle),
      run: (packet: Packet) => runRule(expressions, packet, around),
    })),
  };
}

function surroundings(
  { family, table }: ReadChain,
  { place, position, bridge }: HookRequest,
  ruleset: WholeRuleset,
): Surroundings {
  return {
    position,
    addressType: (address) => place.addressType(address),
    reversePath: async (address) => {
      const route = await place.route({ destination: address });
      return typeof route === 'string' ? 0 : (route.link ?? 0);
    },
    set: (name) => ruleset.set(family, table, name),
    elements: (name) => place.elements(family, table, name),
    ...(bridge !== undefined && { linkHeader: bridge.linkHeader }),
  };
}

async function legacyChains(request: HookRequest): Promise<readonly HookChain[]> {
  return request.bridge === undefined ? readLegacyHook(request) : [];
}
