// Every table, chain, rule and set of nf_tables in a namespace, whoever made them, as far as it can be read.
import { Attributes, type AttributeWriter, decodeAttributes } from '../netlink/attribute.ts';
import { NetlinkError } from '../netlink/error.ts';
import { decodeMessage, encodeMessage, NLM_F_DUMP, NLM_F_REQUEST } from '../netlink/message.ts';
import type { Namespace } from '../netns.ts';
import { dump, runReaper } from '../program.ts';
import * as k from './constants.ts';
import { decodeElements, type Element, encodeElements } from './element.ts';
import { decodeExpression, type Expression } from './expression/expression.ts';
import { decodeForeign, expressionParts, type ForeignExpression } from './expression/foreign.ts';
import { headerBytes, messageType, writeHeader } from './nfnetlink.ts';
import type { RuleHandle } from './rule.ts';

export type AnyFamily = 'inet' | 'ip' | 'ip6' | 'arp' | 'netdev' | 'bridge';

/** A rule's expression; of one nobody here knows the meaning of, the kernel's name for it. */
export type ReadExpression =
  | Expression
  | ForeignExpression
  | { readonly kind: 'unknown'; readonly name: string };

export interface ReadRule {
  readonly handle: RuleHandle;
  readonly expressions: readonly ReadExpression[];
}

export interface ReadChain {
  readonly family: AnyFamily;
  readonly table: string;
  readonly name: string;
  readonly base?: {
    /** `filter`, `nat` or `route`. */
    readonly type: string;
    /** NF_INET_*, or NF_NETDEV_* in family netdev. */
    readonly hook: number;
    readonly priority: number;
    readonly drops: boolean;
    /** Of a chain of family netdev: the links it is on. */
    readonly devices: readonly string[];
  };
  readonly rules: readonly ReadRule[];
}

export interface ReadSet {
  readonly isInterval: boolean;
  /** Bytes of each field of a concatenation whose fields are intervals of their own; empty otherwise. */
  readonly fieldBytes: readonly number[];
}

/** A copy as of one moment, but for elements, which are read when they are asked for. */
export interface WholeRuleset {
  readonly chains: readonly ReadChain[];
  chain(family: AnyFamily, table: string, name: string): ReadChain | undefined;
  set(family: AnyFamily, table: string, name: string): ReadSet | undefined;
  elements(family: AnyFamily, table: string, name: string): Promise<readonly Element[]>;
}

const families: ReadonlyMap<number, AnyFamily> = new Map([
  [1, 'inet'],
  [2, 'ip'],
  [3, 'arp'],
  [5, 'netdev'],
  [7, 'bridge'],
  [10, 'ip6'],
]);
const numbers = new Map([...families].map(([number, family]) => [family, number]));

/** Empty where the kernel has no nf_tables. Errors: NetlinkError. */
export async function readRuleset(namespace?: Namespace): Promise<WholeRuleset> {
  const read = (message: number) => readObjects(message, 0, namespace);
  const [chains, rules, sets] = await Promise.all([
    read(k.NFT_MSG_GETCHAIN),
    read(k.NFT_MSG_GETRULE),
    read(k.NFT_MSG_GETSET),
  ]);
  const byChain = new Map<string, ReadRule[]>();
  for (const { family, attributes } of rules) {
    const key = [family, attributes.string(k.NFTA_RULE_TABLE), attributes.string(k.NFTA_RULE_CHAIN)].join(
      ' ',
    );
    byChain.set(key, [...(byChain.get(key) ?? []), decodeRule(attributes)]);
  }
  const forms = new Map(
    sets.map(({ family, attributes }) => {
      const name = `${family} ${attributes.string(k.NFTA_SET_TABLE)} ${attributes.string(k.NFTA_SET_NAME)}`;
      return [name, decodeForm(attributes)];
    }),
  );
  const whole = new Map(
    chains.map(({ family, attributes }) => {
      const chain = decodeChain(family, attributes);
      const key = `${family} ${chain.table} ${chain.name}`;
      return [key, { ...chain, rules: byChain.get(key) ?? [] }];
    }),
  );
  return {
    chains: [...whole.values()],
    chain: (family, table, name) => whole.get(`${family} ${table} ${name}`),
    set: (family, table, name) => forms.get(`${family} ${table} ${name}`),
    elements: (family, table, set) => readElements(family, { table, set }, namespace),
  };
}

interface ReadObject {
  readonly family: AnyFamily;
  readonly attributes: Attributes;
}

async function readObjects(
  message: number,
  family: number,
  namespace: Namespace | undefined,
  write: (attributes: AttributeWriter) => void = () => {},
): Promise<readonly ReadObject[]> {
  const request = encodeMessage(messageType(message), NLM_F_REQUEST | NLM_F_DUMP, (out, attributes) => {
    writeHeader(out, family);
    write(attributes);
  });
  const socket = namespace === undefined ? 'netfilter' : 'namespace-netfilter';
  const messages = await dump(socket, request, namespace, runReaper).catch((error: unknown) => {
    // nfnetlink answers so where no module has registered nf_tables (net/netfilter/nfnetlink.c).
    if (error instanceof NetlinkError && error.code === 'EINVAL') return [];
    throw error;
  });
  return messages.flatMap((bytes) => {
    const { payload } = decodeMessage(bytes);
    const name = families.get(payload[0] ?? 0);
    return name === undefined
      ? []
      : [{ family: name, attributes: new Attributes(payload.subarray(headerBytes)) }];
  });
}

async function readElements(
  family: AnyFamily,
  of: { readonly table: string; readonly set: string },
  namespace: Namespace | undefined,
): Promise<readonly Element[]> {
  const lists = await readObjects(k.NFT_MSG_GETSETELEM, numbers.get(family) ?? 0, namespace, (attributes) =>
    encodeElements(attributes, of, []),
  );
  return lists.flatMap(({ attributes }) => [...decodeElements(attributes)]);
}

function decodeRule(attributes: Attributes): ReadRule {
  const list = attributes.bytes(k.NFTA_RULE_EXPRESSIONS) ?? new Uint8Array();
  return {
    handle: attributes.be64(k.NFTA_RULE_HANDLE) ?? 0n,
    expressions: [...expressionParts(list)].map(readExpression),
  };
}

function readExpression(member: Attributes): ReadExpression {
  const name = member.string(k.NFTA_EXPR_NAME) ?? '';
  return (
    decodeExpression(member) ??
    decodeForeign(name, member.nested(k.NFTA_EXPR_DATA)) ?? { kind: 'unknown', name }
  );
}

const NF_DROP = 0;
const NFTA_HOOK_DEV = 3;
const NFTA_HOOK_DEVS = 4;
const NFTA_DEVICE_NAME = 1;

function decodeChain(family: AnyFamily, attributes: Attributes): Omit<ReadChain, 'rules'> {
  const hook = attributes.nested(k.NFTA_CHAIN_HOOK);
  const table = attributes.string(k.NFTA_CHAIN_TABLE) ?? '';
  const name = attributes.string(k.NFTA_CHAIN_NAME) ?? '';
  if (hook === undefined) return { family, table, name };
  const base = {
    type: attributes.string(k.NFTA_CHAIN_TYPE) ?? '',
    hook: hook.be32(k.NFTA_HOOK_HOOKNUM) ?? -1,
    priority: (hook.be32(k.NFTA_HOOK_PRIORITY) ?? 0) | 0,
    drops: attributes.be32(k.NFTA_CHAIN_POLICY) === NF_DROP,
    devices: devicesOf(hook),
  };
  return { family, table, name, base };
}

function devicesOf(hook: Attributes): readonly string[] {
  const one = hook.string(NFTA_HOOK_DEV);
  const many = hook.bytes(NFTA_HOOK_DEVS);
  if (many === undefined) return one === undefined ? [] : [one];
  return [...deviceNames(many)];
}

function* deviceNames(list: Uint8Array): Generator<string> {
  for (const { type, value } of decodeAttributes(list)) {
    const end = value.indexOf(0);
    if (type === NFTA_DEVICE_NAME) yield Buffer.from(end < 0 ? value : value.subarray(0, end)).toString();
  }
}

function decodeForm(attributes: Attributes): ReadSet {
  const flags = attributes.be32(k.NFTA_SET_FLAGS) ?? 0;
  const fields = attributes.nested(k.NFTA_SET_DESC)?.list(k.NFTA_SET_DESC_CONCAT) ?? [];
  return {
    isInterval: (flags & k.NFT_SET_INTERVAL) !== 0,
    fieldBytes: fields.map((field) => field.be32(k.NFTA_SET_FIELD_LEN) ?? 0),
  };
}
