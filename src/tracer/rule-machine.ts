// What one rule of nf_tables makes of a packet: its expressions carried out on registers, of which not all may be known.
import { fromBytes, type IpAddress } from '../base/cidr.ts';
import { littleEndian } from '../kernel/netlink/byte-writer.ts';
import type { Element } from '../kernel/nftables/element.ts';
import type { Verdict } from '../kernel/nftables/verdict.ts';
import type { ReadExpression, ReadSet } from '../kernel/nftables/whole-ruleset.ts';
import { loadCt, loadMeta, loadNamedCt, loadNamedMeta } from './loads.ts';
import {
  familyOfPacket,
  knownBytes,
  networkHeader,
  type Packet,
  PartlyKnown,
  type Position,
  transportHeader,
} from './packet.ts';
import { findElement } from './set-lookup.ts';
import { matchHolds, targetEffect } from './xtables.ts';

/** What rules may ask besides the packet's own bytes. */
export interface Surroundings {
  readonly position: Position;
  /** RTN_… */
  addressType(address: IpAddress): number;
  /** Index of the link answers to an address would leave by, 0 without a route; by this link alone when one is given. */
  reversePath(address: IpAddress): Promise<number>;
  set(name: string): ReadSet | undefined;
  elements(name: string): Promise<readonly Element[]>;
  /** The Ethernet header, on a bridge. */
  readonly linkHeader?: PartlyKnown;
}

/** Undefined fields stay as they are. */
export interface Translation {
  readonly which: 'source' | 'destination';
  /** `outgoing`: that of the link it leaves by; `incoming`: of the one it came by. */
  readonly address?: IpAddress | 'outgoing' | 'incoming';
  readonly port?: number;
}

export type Effect =
  | { readonly kind: 'none' }
  | { readonly kind: 'verdict'; readonly verdict: 'accept' | 'drop' | 'refuse' | 'return' | 'queue' }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string }
  | { readonly kind: 'translate'; readonly translation: Translation }
  /** Something nobody here knows, or that hangs on what is not known. */
  | { readonly kind: 'unknown' };

export interface RuleOutcome {
  /** Undefined when it cannot be told. */
  readonly holds: boolean | undefined;
  readonly effect: Effect;
}

const registerBytes = 64;
const noEffect: Effect = { kind: 'none' };

export async function runRule(
  expressions: readonly ReadExpression[],
  packet: Packet,
  around: Surroundings,
): Promise<RuleOutcome> {
  const machine = new RuleMachine(packet, around);
  let sure = true;
  for (const expression of expressions) {
    const step = await machine.run(expression);
    if (step === false) return { holds: false, effect: noEffect };
    if (step === undefined) sure = false;
    else if (typeof step === 'object') return { holds: sure ? true : undefined, effect: step };
  }
  return { holds: sure ? true : undefined, effect: noEffect };
}

/** True: the rule goes on; false: it does not hold; undefined: nobody knows; an effect ends it. */
type StepOutcome = boolean | undefined | Effect;

class RuleMachine {
  readonly #packet: Packet;
  readonly #around: Surroundings;
  #registers = new PartlyKnown(registerBytes);

  constructor(packet: Packet, around: Surroundings) {
    this.#packet = packet;
    this.#around = around;
  }

  async run(expression: ReadExpression): Promise<StepOutcome> {
    switch (expression.kind) {
      case 'immediate':
        return 'verdict' in expression
          ? verdictEffect(expression.verdict)
          : this.#load(expression.to, knownBytes(expression.value));
      case 'lookup':
        return this.#lookup({ ...expression, inverted: expression.inverted ?? false });
      case 'fib':
        return this.#load(expression.to, this.#addressType('destination'));
      case 'reverse-path':
        return this.#reversePath(expression);
      default:
        return this.#loads(expression) ?? this.#compares(expression) ?? this.#ends(expression);
    }
  }

  /** Expressions that fill a register. */
  #loads(expression: ReadExpression): true | null {
    const { position } = this.#around;
    switch (expression.kind) {
      case 'meta':
        return this.#load(expression.to, loadNamedMeta(expression.key, this.#packet, position));
      case 'load':
        return this.#load(
          expression.to,
          expression.from === 'meta'
            ? loadMeta(expression.key, this.#packet, position)
            : loadCt(expression.key, this.#packet),
        );
      case 'ct':
        return this.#load(expression.to, loadNamedCt(expression.key, this.#packet));
      case 'payload':
        if ('from' in expression) return null;
        return this.#load(
          expression.to,
          this.#header(expression.header).slice(expression.offsetBytes, expression.lengthBytes),
        );
      case 'address-type':
        return this.#load(expression.to, this.#addressType(expression.of));
      case 'bitwise':
        return this.#mask(expression.from, expression.to, expression.mask);
      case 'mask':
        return this.#mask(expression.from, expression.to, expression.mask, expression.xor);
      default:
        return null;
    }
  }

  #header(name: 'link' | 'network' | 'transport'): PartlyKnown {
    if (name === 'link') return this.#around.linkHeader ?? new PartlyKnown(0);
    return name === 'network' ? networkHeader(this.#packet) : transportHeader(this.#packet);
  }

  /** Expressions that ask. */
  #compares(expression: ReadExpression): boolean | undefined | null {
    switch (expression.kind) {
      case 'cmp': {
        const equal = this.#equals(expression.from, expression.value);
        return equal === undefined ? undefined : equal === (expression.operator === 'eq');
      }
      case 'order': {
        const order = this.#compare(expression.from, expression.value);
        if (order === undefined) return undefined;
        return { lt: order < 0, lte: order <= 0, gt: order > 0, gte: order >= 0 }[expression.operator];
      }
      case 'between': {
        const [low, high] = [expression.first, expression.last].map((one) =>
          this.#compare(expression.from, one),
        );
        if (low === undefined || high === undefined) return undefined;
        return (low >= 0 && high <= 0) !== expression.inverted;
      }
      case 'never':
        return false;
      case 'match':
        return matchHolds(expression, this.#packet, (address) => this.#around.addressType(address));
      default:
        return null;
    }
  }

  /** Expressions that do something, or nothing that matters. */
  #ends(expression: ReadExpression): StepOutcome {
    switch (expression.kind) {
      case 'goto':
        return { kind: 'goto', chain: expression.chain };
      case 'queue':
        return { kind: 'verdict', verdict: 'queue' };
      case 'reject':
      case 'refuse':
        return { kind: 'verdict', verdict: 'refuse' };
      case 'masq':
        return { kind: 'translate', translation: { which: 'source', address: 'outgoing' } };
      case 'redirect':
        return this.#translate('destination', 'incoming', expression.port);
      case 'nat': {
        const which = expression.type === 'snat' ? 'source' : 'destination';
        return this.#translate(which, this.#address(expression.address), expression.port);
      }
      case 'target':
        return this.#target(expression.name, expression.info);
      case 'counter':
      case 'store':
      case 'neutral':
        return true;
      default:
        return this.#unknown(expression.kind === 'unknown' ? expression.name : expression.kind);
    }
  }

  /** What neither ends a rule nor asks anything may still have changed any register. */
  #unknown(name: string): StepOutcome {
    this.#registers = new PartlyKnown(registerBytes);
    return harmless.has(name) ? true : undecided.has(name) ? { kind: 'unknown' } : undefined;
  }

  #load(word: number, value: PartlyKnown): true {
    const at = word * 4;
    this.#registers.bytes.set(value.bytes.subarray(0, registerBytes - at), at);
    this.#registers.known.set(value.known.subarray(0, registerBytes - at), at);
    // The kernel clears the rest of the word first, and keys of sets are read by whole words.
    const end = at + value.bytes.length;
    const wordEnd = Math.min(registerBytes, (end + 3) & ~3);
    this.#registers.bytes.fill(0, end, wordEnd);
    this.#registers.known.fill(1, end, wordEnd);
    return true;
  }

  #mask(from: number, to: number, mask: Uint8Array, xor?: Uint8Array): true {
    const value = this.#registers.slice(from * 4, mask.length);
    mask.forEach((bits, i) => {
      value.bytes[i] = ((value.bytes[i] ?? 0) & bits) ^ (xor?.[i] ?? 0);
      if (bits === 0) value.known[i] = 1;
    });
    return this.#load(to, value);
  }

  #equals(from: number, value: Uint8Array): boolean | undefined {
    const part = this.#registers.slice(from * 4, value.length);
    if (value.some((byte, i) => part.known[i] === 1 && part.bytes[i] !== byte)) return false;
    return part.known.includes(0) ? undefined : true;
  }

  #compare(from: number, value: Uint8Array): number | undefined {
    const part = this.#registers.slice(from * 4, value.length);
    return part.known.includes(0) ? undefined : Buffer.compare(part.bytes, value);
  }

  async #lookup(lookup: {
    readonly set: string;
    readonly from: number;
    readonly to?: number | 'verdict';
    readonly inverted: boolean;
  }): Promise<StepOutcome> {
    const form = this.#around.set(lookup.set);
    if (form === undefined) return lookup.to === 'verdict' ? { kind: 'unknown' } : undefined;
    const elements = await this.#around.elements(lookup.set);
    const key = this.#registers.slice(lookup.from * 4, registerBytes - lookup.from * 4);
    const found = findElement(form, elements, key);
    if (found === 'unknown') return lookup.to === 'verdict' ? { kind: 'unknown' } : undefined;
    if (found === 'none') return lookup.inverted;
    if (lookup.inverted) return false;
    if (lookup.to === undefined) return true;
    const { data } = found;
    if (lookup.to !== 'verdict') {
      return data instanceof Uint8Array ? this.#load(lookup.to, knownBytes(data)) : undefined;
    }
    return data === undefined || data instanceof Uint8Array ? { kind: 'unknown' } : verdictEffect(data);
  }

  #addressType(of: 'source' | 'destination'): PartlyKnown {
    return nativeWord(this.#around.addressType(this.#packet[of]));
  }

  async #reversePath({
    presenceOnly,
    to,
  }: {
    readonly presenceOnly: boolean;
    readonly to: number;
  }): Promise<true> {
    const link = await this.#around.reversePath(this.#packet.source);
    return this.#load(to, presenceOnly ? knownBytes([link === 0 ? 0 : 1]) : nativeWord(link));
  }

  #address(word: number): IpAddress | undefined {
    const value = this.#registers.slice(word * 4, familyOfPacket(this.#packet) === 4 ? 4 : 16);
    return value.known.includes(0) ? undefined : fromBytes(value.bytes);
  }

  #translate(
    which: Translation['which'],
    address: Translation['address'] | undefined,
    portWord: number | undefined,
  ): Effect {
    const port = portWord === undefined ? undefined : this.#registers.slice(portWord * 4, 2);
    if (address === undefined || port?.known.includes(0)) return { kind: 'unknown' };
    if (port === undefined) return { kind: 'translate', translation: { which, address } };
    const number = ((port.bytes[0] ?? 0) << 8) | (port.bytes[1] ?? 0);
    return { kind: 'translate', translation: { which, address, port: number } };
  }

  #target(name: string, info: Uint8Array): StepOutcome {
    const effect = targetEffect(name, info, this.#packet);
    if (effect === undefined) return { kind: 'unknown' };
    const port = 'port' in effect && effect.port !== undefined ? { port: effect.port } : {};
    switch (effect.kind) {
      case 'none':
        return true;
      case 'refuse':
        return { kind: 'verdict', verdict: 'refuse' };
      case 'masquerade':
        return { kind: 'translate', translation: { which: 'source', address: 'outgoing' } };
      case 'redirect':
        return { kind: 'translate', translation: { which: 'destination', address: 'incoming', ...port } };
      case 'translate': {
        const address = effect.address === undefined ? {} : { address: effect.address };
        return { kind: 'translate', translation: { which: effect.which, ...address, ...port } };
      }
    }
  }
}

/** Change something of the packet or load a register, and let every packet go on. */
const harmless = new Set([
  'exthdr',
  'rt',
  'byteorder',
  'hash',
  'numgen',
  'dup',
  'ct_helper',
  'ct_timeout',
  'tunnel',
]);
/** Decide what becomes of it in ways nobody here knows. */
const undecided = new Set(['immediate', 'tproxy', 'synproxy', 'fwd', 'nat', 'queue']);

function verdictEffect(verdict: Verdict): Effect {
  return typeof verdict === 'string' ? { kind: 'verdict', verdict } : { kind: 'jump', chain: verdict.jump };
}

function nativeWord(value: number): PartlyKnown {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, littleEndian);
  return knownBytes(bytes);
}
