// What the table holds, in memory, and the difference between that and what it should hold. Nothing here talks to the kernel.
import { isDeepStrictEqual } from 'node:util';
import type { Rule } from '../../kernel/nftables/rule.ts';
import type { AllowanceId, EndpointId, NetworkId } from '../../model/ids.ts';
import type { AllowancePolicy, EndpointPolicy, NetworkPolicy, PortForward } from '../../model/policy.ts';
import { type EndedAllowances, endedAllowances } from '../ended-allowances.ts';
import type { PolicyChange, PolicyState } from '../firewall.ts';
import type { ChangedPorts } from '../stale-connections.ts';
import { changedForwards } from './changed-forwards.ts';
import { PortClaims } from './port-claims.ts';
import { type ChangedRuns, changedRuns } from './port-runs.ts';
import { type Rendering, renderBridge, type SetElement } from './render.ts';
import { renderAllowances } from './render-allowances.ts';
import { renderRuns } from './render-ports.ts';

/** An element and how many owners want it: ends of forwards may be shared by several ports. */
export interface Held {
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
  readonly allowances: ReadonlyMap<AllowanceId, AllowancePolicy | undefined>;
  readonly ports: ChangedPorts;
  readonly disallowed: EndedAllowances;
}

/** Networks' chains and all elements; the base chains are the same always and not kept here. */
export class Ruleset {
  readonly #networks = new Map<NetworkId, NetworkPolicy>();
  readonly #endpoints = new Map<EndpointId, EndpointPolicy>();
  readonly #allowances = new Map<AllowanceId, AllowancePolicy>();
  readonly #chains = new Map<string, readonly Rule[]>();
  readonly #elements = new Map<string, Held>();
  #claims = new PortClaims();

  /** Errors: `conflict` when a port would lead to two places. */
  static of(state: PolicyState): Ruleset {
    const ruleset = new Ruleset();
    ruleset.accept(
      ruleset.stage([
        ...state.networks.map((network) => ({ network })),
        ...state.endpoints.map((endpoint) => ({ endpoint })),
        ...(state.allowances ?? []).map((allowance) => ({ allowance })),
      ]),
    );
    return ruleset;
  }

  get chains(): ReadonlyMap<string, readonly Rule[]> {
    return this.#chains;
  }

  *elements(): Generator<SetElement> {
    for (const { element } of this.#elements.values()) yield element;
  }

  /** Works out what changes; nothing is kept until `accept`. Errors: see `of`. */
  stage(changes: readonly PolicyChange[]): Staged {
    const { networks, endpoints, allowances } = sorted(changes);
    const renderings = this.#renderings(networks);
    const { ports, runs } = this.#stagePorts(endpoints);
    const allowed = this.#stageAllowances(allowances);
    return {
      chains: this.#stageChains(renderings),
      elements: this.#stageElements({
        removed: [
          ...renderings.removed.flatMap(({ elements }) => elements),
          ...runs.flatMap(({ removed }) => renderRuns(removed)),
          ...allowed.elements.removed,
        ],
        added: [
          ...renderings.added.flatMap(({ elements }) => elements),
          ...runs.flatMap(({ added }) => renderRuns(added)),
          ...allowed.elements.added,
        ],
      }),
      networks,
      endpoints,
      allowances,
      ports,
      disallowed: allowed.disallowed,
    };
  }

  /** A copy with a staged change. */
  with(staged: Staged): Ruleset {
    const copy = new Ruleset();
    for (const [name, rules] of this.#chains) copy.#chains.set(name, rules);
    for (const [name, held] of this.#elements) copy.#elements.set(name, held);
    copy.#claims = this.#claims.copy();
    copy.accept(staged);
    return copy;
  }

  /** Keeps a staged change, which must be the last one staged. */
  accept({ chains, elements, networks, endpoints, allowances, ports }: Staged): void {
    for (const [name, { after }] of chains) put(this.#chains, name, after);
    for (const [name, { after }] of elements) put(this.#elements, name, after);
    for (const [id, policy] of networks) put(this.#networks, id, policy);
    for (const [id, policy] of endpoints) put(this.#endpoints, id, policy);
    for (const [id, policy] of allowances) put(this.#allowances, id, policy);
    this.#claims.accept(ports);
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

  /** Errors: see `of`. */
  #stagePorts(endpoints: Staged['endpoints']): {
    readonly ports: ChangedPorts;
    readonly runs: readonly ChangedRuns[];
  } {
    const changes = [...endpoints].map(([id, policy]) => {
      const before = this.#endpoints.get(id)?.forwards ?? [];
      const after = policy?.forwards ?? [];
      const forwards = changedForwards(before, after);
      return { forwards, runs: changedRuns(forwards, before, after) };
    });
    const ports = {
      removed: changes.flatMap(({ forwards }) => forwards.removed),
      added: changes.flatMap(({ forwards }) => forwards.added),
      gone: this.#gone(endpoints),
    };
    this.#claims.check(ports);
    return { ports, runs: changes.map(({ runs }) => runs) };
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

  #stageAllowances(allowances: Staged['allowances']): {
    readonly elements: ChangedElements;
    readonly disallowed: EndedAllowances;
  } {
    const after = new Map(this.#allowances);
    for (const [id, policy] of allowances) put(after, id, policy);
    const disallowed = endedAllowances(this.#allowances, after);
    const isSame = disallowed.ended.length === 0 && after.size === this.#allowances.size;
    return {
      elements: isSame
        ? { removed: [], added: [] }
        : { removed: renderAllowances(this.#allowances.values()), added: renderAllowances(after.values()) },
      disallowed,
    };
  }

  #stageElements({ removed, added }: ChangedElements): Staged['elements'] {
    const staged = new Map<string, Change<Held>>();
    for (const element of removed) {
      const entry = change(staged, this.#elements, nameOf(element));
      const owners = (entry.after?.owners ?? 1) - 1;
      entry.after = owners === 0 ? undefined : { element, owners };
    }
    for (const element of added) {
      const entry = change(staged, this.#elements, nameOf(element));
      entry.after = { element, owners: (entry.after?.owners ?? 0) + 1 };
    }
    return staged;
  }
}

interface ChangedElements {
  readonly removed: readonly SetElement[];
  readonly added: readonly SetElement[];
}

interface Renderings {
  readonly removed: readonly Rendering[];
  readonly added: readonly Rendering[];
}

function sorted(changes: readonly PolicyChange[]): Pick<Staged, 'networks' | 'endpoints' | 'allowances'> {
  const networks = new Map<NetworkId, NetworkPolicy | undefined>();
  const endpoints = new Map<EndpointId, EndpointPolicy | undefined>();
  const allowances = new Map<AllowanceId, AllowancePolicy | undefined>();
  for (const change of changes) {
    if ('network' in change) networks.set(change.network.networkId, change.network);
    else if ('removedNetwork' in change) networks.set(change.removedNetwork, undefined);
    else if ('endpoint' in change) endpoints.set(change.endpoint.endpointId, change.endpoint);
    else if ('removedEndpoint' in change) endpoints.set(change.removedEndpoint, undefined);
    else if ('allowance' in change) allowances.set(change.allowance.allowanceId, change.allowance);
    else allowances.set(change.removedAllowance, undefined);
  }
  return { networks, endpoints, allowances };
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

/** Whether two elements of one name are the same; of an interval set they may end differently. */
export function sameElement(a: SetElement, b: SetElement): boolean {
  return isDeepStrictEqual(a.data, b.data) && isDeepStrictEqual(a.lastKey, b.lastKey);
}

function put<K, V>(map: Map<K, V>, key: K, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
