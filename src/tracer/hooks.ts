// One hook of the kernel's packet path in a namespace: all base chains there, whoever made them, in their order.
import type { IpAddress } from '../base/cidr.ts';
import type { AnyFamily, ReadChain, ReadRule, WholeRuleset } from '../kernel/nftables/whole-ruleset.ts';
import { type ChainOutcome, ChainRunner, type RunnableChain } from './chains.ts';
import { type HookChain, type HookName, hookNumbers } from './hook-chain.ts';
import { legacyChains } from './legacy.ts';
import { familyOfPacket, type Packet, type PartlyKnown, type Position } from './packet.ts';
import type { Place } from './place.ts';
import { runRule, type Surroundings, type Translation } from './rule-machine.ts';
import type { RulePlace } from './tracer.ts';

export interface HookRequest {
  readonly place: Place;
  readonly hook: HookName;
  readonly packet: Packet;
  readonly position: Position;
  /** The packet passes a bridge, and these are its rules. */
  readonly bridge?: { readonly linkHeader: PartlyKnown };
  /** The connection is known already: nothing is translated any more. */
  readonly isTranslated?: boolean;
  /** Gives an answer the addresses back that the connection had before it was translated here. */
  readonly undo?: (packet: Packet) => Packet;
}

export interface HookOutcome {
  readonly verdict: 'accept' | 'drop' | 'refuse' | 'unknown';
  /** The rule that decided; of an accepted packet, that translated it. */
  readonly rule?: RulePlace;
  /** As it leaves the hook. */
  readonly packet: Packet;
}

/** NF_IP_PRI_NAT_DST and NF_IP_PRI_NAT_SRC: when addresses are changed, in answers too. */
const translationPriorities = { prerouting: -100, output: -100, input: 100, postrouting: 100, forward: 0 };

export async function runHook(request: HookRequest): Promise<HookOutcome> {
  const chains = [
    ...(await nftChains(request)),
    ...(request.bridge === undefined ? await legacyChains(request) : []),
  ];
  const undo = { priority: translationPriorities[request.hook], run: request.undo ?? ((packet) => packet) };
  let { packet } = request;
  let translatedBy: RulePlace | undefined;
  // Chains after the one that translates see the packet as it is then.
  for (const chain of [undo, ...chains].toSorted((a, b) => a.priority - b.priority)) {
    if (!('place' in chain)) {
      packet = chain.run(packet);
      continue;
    }
    // Later chains of a kind are not asked once a connection is translated (nf_nat_inet_fn, net/netfilter/nf_nat_core.c).
    if (chain.isNat && (isKnown(request) || translatedBy !== undefined)) continue;
    const outcome = await chain.run(packet);
    const verdict = stopped(chain, outcome);
    const rule = ruleOf(chain, outcome);
    if (verdict !== undefined) return { verdict, rule, packet };
    if (outcome.translation === undefined) continue;
    translatedBy = rule;
    packet = translate(packet, outcome.translation, request);
  }
  return { verdict: 'accept', packet, ...(translatedBy !== undefined && { rule: translatedBy }) };
}

/** Undefined when the packet goes on to the next chain. */
function stopped({ drops }: HookChain, { verdict }: ChainOutcome): HookOutcome['verdict'] | undefined {
  if (verdict === 'drop' || verdict === 'refuse') return verdict;
  if (verdict === 'unknown' || verdict === 'queue') return 'unknown';
  return verdict === 'end' && drops ? 'drop' : undefined;
}

function isKnown({ packet, isTranslated }: HookRequest): boolean {
  return isTranslated === true || packet.state === 'established';
}

/** The packet with another source or destination. */
function translate(
  packet: Packet,
  { which, address, port }: Translation,
  { place, position }: HookRequest,
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
    const chains = {
      get(wanted: string) {
        const found = ruleset.chain(family, table, wanted);
        return found === undefined ? undefined : runnable(found, request, ruleset);
      },
    };
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
