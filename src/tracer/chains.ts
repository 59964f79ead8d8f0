// What the chains of a table make of a packet. Where a rule cannot be judged, both ways are followed: it matters only if they differ.
import { isDeepStrictEqual } from 'node:util';
import type { Packet } from './packet.ts';
import type { Effect, RuleOutcome, Translation } from './rule-machine.ts';

/** A chain, however its rules are written. */
export interface RunnableChain {
  readonly rules: readonly RunnableRule[];
}

/** Those of one table. */
export interface RunnableChains {
  get(name: string): RunnableChain | undefined;
}

export interface RunnableRule {
  /** What nft(8) names it by. */
  readonly handle?: string;
  run(packet: Packet): Promise<RuleOutcome>;
}

export interface ChainOutcome {
  readonly verdict: 'accept' | 'drop' | 'refuse' | 'queue' | 'end' | 'translate' | 'unknown';
  readonly translation?: Translation;
  /** The rule that decided. */
  readonly rule?: { readonly chain: string; readonly number: number; readonly handle?: string };
}

/** Rules looked at for one packet at one hook: beyond it two ways at every rule would be more than anybody waits for. */
const maxRules = 20_000;
const end: ChainOutcome = { verdict: 'end' };

export class ChainRunner {
  readonly #chains: RunnableChains;
  readonly #packet: Packet;
  #left = maxRules;

  constructor(chains: RunnableChains, packet: Packet) {
    this.#chains = chains;
    this.#packet = packet;
  }

  async run(name: string, from = 0): Promise<ChainOutcome> {
    const rules = this.#chains.get(name)?.rules ?? [];
    for (let i = from; i < rules.length; i++) {
      const rule = rules[i];
      if (rule === undefined) break;
      const place = { chain: name, number: i + 1, ...(rule.handle !== undefined && { handle: rule.handle }) };
      if (this.#left-- <= 0) return { verdict: 'unknown', rule: place };
      const { holds, effect } = await rule.run(this.#packet);
      if (holds === false || effect.kind === 'none') continue;
      const taken = await this.#apply(effect, place);
      if (holds === true && taken === undefined) continue;
      if (holds === true) return taken ?? end;
      const otherwise = await this.run(name, i + 1);
      if (taken === undefined || sameOutcome(taken, otherwise)) return otherwise;
      return { verdict: 'unknown', rule: place };
    }
    return end;
  }

  /** Undefined: the packet goes on with the next rule. */
  async #apply(effect: Effect, rule: NonNullable<ChainOutcome['rule']>): Promise<ChainOutcome | undefined> {
    switch (effect.kind) {
      case 'none':
        return undefined;
      case 'unknown':
        return { verdict: 'unknown', rule };
      case 'translate':
        return { verdict: 'translate', translation: effect.translation, rule };
      case 'verdict':
        return effect.verdict === 'return' ? end : { verdict: effect.verdict, rule };
      case 'goto':
        return this.run(effect.chain);
      case 'jump': {
        const outcome = await this.run(effect.chain);
        return outcome.verdict === 'end' ? undefined : outcome;
      }
    }
  }
}

function sameOutcome(a: ChainOutcome, b: ChainOutcome): boolean {
  return (
    a.verdict === b.verdict && a.verdict !== 'unknown' && isDeepStrictEqual(a.translation, b.translation)
  );
}
