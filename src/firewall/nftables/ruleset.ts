// What the table holds, in memory, and the difference between that and what it should hold. Nothing here talks to the kernel.
import { isDeepStrictEqual } from 'node:util';
import { NetError } from '../../base/errors.ts';
import type { Batch } from '../../kernel/nftables/batch.ts';
import type { Rule } from '../../kernel/nftables/rule.ts';
import type { EndpointId, NetworkId } from '../../model/ids.ts';
import type { EndpointPolicy, NetworkPolicy, PortForward } from '../../model/policy.ts';
import type { PolicyChange, PolicyState } from '../firewall.ts';
import type { ChangedPorts } from '../stale-connections.ts';
import { type ChangedForwards, changedForwards } from './changed-forwards.ts';
import { destinationText } from './key.ts';
import { baseChains, sets } from './layout.ts';
import { type Rendering, renderBridge, renderForward, type SetElement } from './render.ts';

/** An element and how many owners want it: ends of forwards may be shared by several ports. */
interface Held {
  readonly element: SetElement;
  readonly owners: number;
}

/** One object before and after a change. */
interface Change<T> {
  readonly before: T | undefined;
  after: T | undefined;
}

/** A change worked out but not yet made. */
export interface Staged {
  readonly chains: ReadonlyMap<string, Change<readonly Rule[]>>;
  readonly elements: ReadonlyMap<string, Change<Held>>;
  readonly networks: ReadonlyMap<NetworkId, NetworkPolicy | undefined>;
  readonly endpoints: ReadonlyMap<EndpointId, EndpointPolicy | undefined>;
  readonly ports: ChangedPorts;
}

/** Networks' chains and all elements; the base chains are the same always and not kept here. */
export class Ruleset {
  readonly #networks = new Map<NetworkId, NetworkPolicy>();
  readonly #endpoints = new Map<EndpointId, EndpointPolicy>();
  readonly #chains = new Map<string, readonly Rule[]>();
  readonly #elements = new Map<string, Held>();

  /** Errors: `conflict` when two owners want one port to lead to different places. */
  static of(state: PolicyState): Ruleset {
    const ruleset = new Ruleset();
    ruleset.accept(
      ruleset.stage([
        ...state.networks.map((network) => ({ network })),
        ...state.endpoints.map((endpoint) => ({ endpoint })),
      ]),
    );
    return ruleset;
  }

  get chains(): ReadonlyMap<string, readonly Rule[]> {
    return this.#chains;
  }

  /** Of all networks; several may be on one. */
  get bridges(): ReadonlySet<string> {
    return new Set([...this.#networks.values()].map(({ ifname }) => ifname));
  }

  *elements(): Generator<SetElement> {
    for (const { element } of this.#elements.values()) yield element;
  }

  /** Works out what changes; nothing is kept until `accept`. Errors: see `of`. */
  stage(changes: readonly PolicyChange[]): Staged {
    const networks = new Map<NetworkId, NetworkPolicy | undefined>();
    const endpoints = new Map<EndpointId, EndpointPolicy | undefined>();
    for (const change of changes) {
      if ('network' in change) networks.set(change.network.networkId, change.network);
      else if ('removedNetwork' in change) networks.set(change.removedNetwork, undefined);
      else if ('endpoint' in change) endpoints.set(change.endpoint.endpointId, change.endpoint);
      else if ('removedEndpoint' in change) endpoints.set(change.removedEndpoint, undefined);
    }
    const renderings = this.#renderings(networks);
    const forwards = this.#forwards(endpoints);
    return {
      chains: this.#stageChains(renderings),
      elements: this.#stageElements(renderings, forwards),
      networks,
      endpoints,
      ports: { ...forwards, gone: this.#gone(endpoints) },
    };
  }

  /** A copy with a staged change. */
  with(staged: Staged): Ruleset {
    const copy = new Ruleset();
    for (const [name, rules] of this.#chains) copy.#chains.set(name, rules);
    for (const [name, held] of this.#elements) copy.#elements.set(name, held);
    copy.accept(staged);
    return copy;
  }

  /** Keeps a staged change, which must be the last one staged. */
  accept({ chains, elements, networks, endpoints }: Staged): void {
    for (const [name, { after }] of chains) put(this.#chains, name, after);
    for (const [name, { after }] of elements) put(this.#elements, name, after);
    for (const [id, policy] of networks) put(this.#networks, id, policy);
    for (const [id, policy] of endpoints) put(this.#endpoints, id, policy);
  }

  #renderings(networks: Staged['networks']): Renderings {
    const after = new Map(this.#networks);
    const bridges = new Set<string>();
    for (const [id, policy] of networks) {
      const before = this.#networks.get(id);
      if (isDeepStrictEqual(before, policy)) continue;
      for (const one of [before, policy]) if (one !== undefined) bridges.add(one.ifname);
      put(after, id, policy);
    }
    return { removed: renderBridges(this.#networks, bridges), added: renderBridges(after, bridges) };
  }

  #forwards(endpoints: Staged['endpoints']): ChangedForwards {
    const changes = [...endpoints].map(([id, policy]) =>
      changedForwards(this.#endpoints.get(id)?.forwards ?? [], policy?.forwards ?? []),
    );
    return {
      removed: changes.flatMap(({ removed }) => removed),
      added: changes.flatMap(({ added }) => added),
    };
  }

  #gone(endpoints: Staged['endpoints']): readonly PortForward[] {
    return [...endpoints].flatMap(([id, policy]) =>
      policy === undefined ? (this.#endpoints.get(id)?.forwards ?? []) : [],
    );
  }

  #stageChains({ removed, added }: Renderings): Staged['chains'] {
    const staged = new Map<string, Change<readonly Rule[]>>();
    for (const { name } of removed.flatMap(({ chains }) => chains)) {
      change(staged, this.#chains, name).after = undefined;
    }
    for (const { name, rules } of added.flatMap(({ chains }) => chains)) {
      change(staged, this.#chains, name).after = rules;
    }
    return staged;
  }

  #stageElements({ removed, added }: Renderings, forwards: ChangedForwards): Staged['elements'] {
    const staged = new Map<string, Change<Held>>();
    const lose = [...removed.flatMap(({ elements }) => elements), ...forwards.removed.flatMap(renderForward)];
    const gain = [...added.flatMap(({ elements }) => elements), ...forwards.added.flatMap(renderForward)];
    for (const element of lose) {
      const entry = change(staged, this.#elements, nameOf(element));
      const owners = (entry.after?.owners ?? 1) - 1;
      entry.after = owners === 0 ? undefined : { element, owners };
    }
    for (const element of gain) {
      const entry = change(staged, this.#elements, nameOf(element));
      if (entry.after !== undefined && !sameData(entry.after.element, element)) throw twoOwners(element);
      entry.after = { element, owners: (entry.after?.owners ?? 0) + 1 };
    }
    return staged;
  }
}

/**
 * Writes a staged change as a batch. Elements that name chains go before their chains do and come after them.
 */
export function writeChange(batch: Batch, staged: Staged): void {
  const elements = [...staged.elements.values()].filter(({ before, after }) => !sameElement(before, after));
  const removed = elements.flatMap(({ before }) => (before === undefined ? [] : [before.element]));
  const added = elements.flatMap(({ after }) => (after === undefined ? [] : [after.element]));
  for (const [set, members] of bySet(removed)) batch.deleteElements(set, members);
  const chains = [...staged.chains].filter(([, { before, after }]) => !isDeepStrictEqual(before, after));
  for (const [name, { before, after }] of chains) {
    if (after === undefined) batch.deleteChain(name);
    else if (before === undefined) batch.addChain({ name });
    else batch.flushChain(name);
    for (const rule of after ?? []) batch.addRule(name, rule);
  }
  for (const [set, members] of bySet(added)) batch.addElements(set, members);
}

/** Writes the whole table, which must not exist or have been deleted in the batch before. */
export function writeTable(batch: Batch, flags: number, ruleset: Ruleset): void {
  batch.addTable(flags);
  for (const set of sets) batch.addSet(set);
  for (const { rules, ...chain } of baseChains) {
    batch.addChain(chain);
    for (const rule of rules) batch.addRule(chain.name, rule);
  }
  for (const [name, rules] of ruleset.chains) {
    batch.addChain({ name });
    for (const rule of rules) batch.addRule(name, rule);
  }
  for (const [set, members] of bySet(ruleset.elements())) batch.addElements(set, members);
}

interface Renderings {
  readonly removed: readonly Rendering[];
  readonly added: readonly Rendering[];
}

function renderBridges(
  networks: ReadonlyMap<NetworkId, NetworkPolicy>,
  bridges: ReadonlySet<string>,
): readonly Rendering[] {
  if (bridges.size === 0) return [];
  const groups = new Map<string, [NetworkPolicy, ...NetworkPolicy[]]>();
  for (const policy of networks.values()) {
    if (!bridges.has(policy.ifname)) continue;
    const group = groups.get(policy.ifname);
    if (group === undefined) groups.set(policy.ifname, [policy]);
    else group.push(policy);
  }
  return [...groups.values()].map(renderBridge);
}

/** The staged change of one object, begun with what is there now. */
function change<T>(staged: Map<string, Change<T>>, current: ReadonlyMap<string, T>, name: string): Change<T> {
  const known = staged.get(name);
  if (known !== undefined) return known;
  const before = current.get(name);
  const entry = { before, after: before };
  staged.set(name, entry);
  return entry;
}

/** Tells elements apart: one key is in one set once. */
export function nameOf({ set, key }: SetElement): string {
  return `${set} ${Buffer.from(key).toString('latin1')}`;
}

export function sameData(a: SetElement, b: SetElement): boolean {
  return isDeepStrictEqual(a.data, b.data);
}

function sameElement(before: Held | undefined, after: Held | undefined): boolean {
  if (before === undefined || after === undefined) return before === after;
  return before.element === after.element || sameData(before.element, after.element);
}

function bySet(elements: Iterable<SetElement>): ReadonlyMap<string, readonly SetElement[]> {
  const groups = new Map<string, SetElement[]>();
  for (const element of elements) {
    const group = groups.get(element.set);
    if (group === undefined) groups.set(element.set, [element]);
    else group.push(element);
  }
  return groups;
}

function put<K, V>(map: Map<K, V>, key: K, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}

function twoOwners(element: SetElement): NetError {
  return new NetError('conflict', `port ${destinationText(element.key)} is published twice`);
}
