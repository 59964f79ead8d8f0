// Names that several sandboxes claim where somebody sees both claims: an asker gets one, the other or both, which nobody meant.
import type { EndpointId, NetworkId, SandboxId } from '../../model/ids.ts';
import type { NameEntry, ResolverView } from '../../model/name-entry.ts';
import { foldCase, kindOf } from './name-kinds.ts';
import { SetMap } from './set-map.ts';

export interface DuplicateName {
  /** In lower case. */
  readonly name: string;
  /** Those that clash, the newest first; a few of them. */
  readonly claims: readonly NameEntry[];
}

/** What one network's endpoints claim. An alias is claimed together on purpose; a name of one's own is not. */
interface NetworkClaims {
  readonly own: SetMap<string, NameEntry>;
  readonly aliases: SetMap<string, NameEntry>;
}

interface Claim {
  readonly entry: NameEntry;
  readonly isOwn: boolean;
}

/** Of more claims nobody needs to read. */
const claimsMax = 8;

/**
 * Two claims of different sandboxes clash when both are on one network and one of them is of a sandbox's own name, or when
 * they are on two networks that somebody sees together. Work for an entry grows with its names and the networks seen
 * together with its own, not with how many claim a name.
 */
export class DuplicateNames {
  readonly #report: (duplicate: DuplicateName) => void;
  readonly #entries = new Map<EndpointId, NameEntry>();
  readonly #networks = new Map<NetworkId, NetworkClaims>();
  readonly #seen = new Map<SandboxId, readonly NetworkId[]>();
  /** How many see both of two networks; kept both ways. */
  readonly #together = new Map<NetworkId, Map<NetworkId, number>>();

  /** @param report is called when a name becomes claimed by two, once for each entry or pair of networks that makes it so. */
  constructor(report: (duplicate: DuplicateName) => void) {
    this.#report = report;
  }

  /** Adds or replaces the claims of an endpoint. */
  put(entry: NameEntry): void {
    const before = this.#entries.get(entry.endpointId);
    this.remove(entry.endpointId);
    this.#entries.set(entry.endpointId, entry);
    for (const [name, isOwn] of claimsOf(entry)) this.#addClaim(name, { entry, isOwn });
    const known = new Map(before === undefined ? [] : claimsOf(before));
    for (const [name, isOwn] of claimsOf(entry)) {
      const earlier = known.get(name);
      const old = before && earlier !== undefined ? { entry: before, isOwn: earlier } : undefined;
      const rivals = this.#rivals(name, { entry, isOwn }, old);
      if (rivals.length > 0) this.#report({ name, claims: [entry, ...rivals] });
    }
  }

  /** Absent is fine. */
  remove(endpointId: EndpointId): void {
    const entry = this.#entries.get(endpointId);
    const claims = entry && this.#networks.get(entry.networkId);
    if (entry === undefined || claims === undefined) return;
    this.#entries.delete(endpointId);
    for (const [name, isOwn] of claimsOf(entry)) {
      (isOwn ? claims.own : claims.aliases).delete(name, entry);
    }
    if (claims.own.size === 0 && claims.aliases.size === 0) this.#networks.delete(entry.networkId);
  }

  /** Adds or replaces what an asker sees. */
  setView({ sandboxId, networks }: Pick<ResolverView, 'sandboxId' | 'networks'>): void {
    const before = pairsOf(this.#seen.get(sandboxId) ?? []);
    const after = pairsOf(networks);
    if (networks.length > 0) this.#seen.set(sandboxId, networks);
    else this.#seen.delete(sandboxId);
    const joined = after.filter(([a, b]) => this.#count(a, b, 1) === 1);
    for (const [a, b] of before) this.#count(a, b, -1);
    for (const pair of joined) this.#compare(pair);
  }

  /** Absent is fine. */
  removeView(sandboxId: SandboxId): void {
    this.setView({ sandboxId, networks: [] });
  }

  entries(): Iterable<NameEntry> {
    return this.#entries.values();
  }

  /** A few of the entries whose claim of the name clashes with that of an entry here; on these networks, or anywhere. */
  rivals(entry: NameEntry, name: string, networks?: readonly NetworkId[]): readonly NameEntry[] {
    const folded = foldCase(name);
    const isOwn = new Map(claimsOf(entry)).get(folded) ?? false;
    return this.#rivals(folded, { entry, isOwn }, undefined, networks);
  }

  #addClaim(name: string, { entry, isOwn }: Claim): void {
    const known = this.#networks.get(entry.networkId);
    const claims = known ?? { own: new SetMap(), aliases: new SetMap() };
    if (known === undefined) this.#networks.set(entry.networkId, claims);
    (isOwn ? claims.own : claims.aliases).add(name, entry);
  }

  /** One of each sandbox, without those that clashed with an earlier claim of the same endpoint already. */
  #rivals(
    name: string,
    claim: Claim,
    earlier: Claim | undefined,
    networks?: readonly NetworkId[],
  ): readonly NameEntry[] {
    const found = new Map<SandboxId, NameEntry>();
    for (const rival of this.#candidates(name, claim, networks)) {
      const isKnown = earlier !== undefined && this.#clash(earlier, rival);
      if (rival.entry.sandboxId === claim.entry.sandboxId || isKnown) continue;
      found.set(rival.entry.sandboxId, rival.entry);
      if (found.size + 1 >= claimsMax) break;
    }
    return [...found.values()];
  }

  *#candidates(name: string, claim: Claim, networks?: readonly NetworkId[]): Iterable<Claim> {
    const { networkId } = claim.entry;
    yield* this.#claimed(networkId, name, claim.isOwn);
    for (const other of networks ?? this.#together.get(networkId)?.keys() ?? []) {
      if (other !== networkId) yield* this.#claimed(other, name, true);
    }
  }

  *#claimed(networkId: NetworkId, name: string, withAliases: boolean): Iterable<Claim> {
    const claims = this.#networks.get(networkId);
    if (claims === undefined) return;
    for (const entry of claims.own.get(name)) yield { entry, isOwn: true };
    if (withAliases) for (const entry of claims.aliases.get(name)) yield { entry, isOwn: false };
  }

  #clash(a: Claim, b: Claim): boolean {
    if (a.entry.sandboxId === b.entry.sandboxId) return false;
    const [one, other] = [a.entry.networkId, b.entry.networkId];
    return one === other ? a.isOwn || b.isOwn : this.#together.get(one)?.has(other) === true;
  }

  /** Returns how many see both now. */
  #count(a: NetworkId, b: NetworkId, step: 1 | -1): number {
    let count = 0;
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const row = this.#together.get(one) ?? new Map<NetworkId, number>();
      count = (row.get(other) ?? 0) + step;
      if (count > 0) row.set(other, count);
      else row.delete(other);
      if (row.size > 0) this.#together.set(one, row);
      else this.#together.delete(one);
    }
    return count;
  }

  /** Reports what clashes between two networks that nobody saw together before. */
  #compare([a, b]: Pair): void {
    const [fewer, more] = this.#size(a) <= this.#size(b) ? [a, b] : [b, a];
    const claims = this.#networks.get(fewer);
    if (claims === undefined || !this.#networks.has(more)) return;
    for (const name of new Set([...claims.own.keys(), ...claims.aliases.keys()])) {
      const duplicate = this.#between(name, fewer, more);
      if (duplicate !== undefined) this.#report(duplicate);
    }
  }

  #between(name: string, a: NetworkId, b: NetworkId): DuplicateName | undefined {
    const theirs = [...this.#claimed(b, name, true)];
    if (theirs.length === 0) return undefined;
    const claims = [...this.#claimed(a, name, true), ...theirs].map(({ entry }) => entry);
    const isOfOne = claims.every(({ sandboxId }) => sandboxId === claims[0]?.sandboxId);
    return isOfOne ? undefined : { name, claims: claims.slice(0, claimsMax) };
  }

  #size(networkId: NetworkId): number {
    const claims = this.#networks.get(networkId);
    return claims === undefined ? 0 : claims.own.size + claims.aliases.size;
  }
}

type Pair = readonly [NetworkId, NetworkId];

function pairsOf(networks: readonly NetworkId[]): readonly Pair[] {
  const distinct = [...new Set(networks)];
  return distinct.flatMap((a, i) => distinct.slice(i + 1).map((b) => [a, b] as const));
}

/** Each name of an entry once, in lower case, and whether it is the sandbox's own. */
function claimsOf(entry: NameEntry): readonly (readonly [name: string, isOwn: boolean])[] {
  const claims = new Map<string, boolean>();
  entry.names.forEach((name, index) => {
    const folded = foldCase(name);
    claims.set(folded, claims.get(folded) === true || kindOf(entry, index) !== 'alias');
  });
  return [...claims];
}
