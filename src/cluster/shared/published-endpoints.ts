// This host's endpoints in the store: what is wanted there is compared with what is known to be there, and written under the
// condition that it still is; at once where that is possible, otherwise for as long as it takes.
import { NetError } from '../../base/errors.ts';
import type { EndpointId, NetworkId } from '../../model/ids.ts';
import type { SharedEndpoint } from '../../model/peer.ts';
import type { Condition, Revision, StoredKey, Write } from '../shared-store.ts';
import type { Membership } from './membership.ts';
import { Pump } from './pump.ts';
import { encodeEndpoint } from './records.ts';
import type { SharedNetworks } from './shared-networks.ts';
import type { Site } from './site.ts';

/** What the store has of an endpoint. */
export interface StoredEndpoint {
  readonly networkId: NetworkId;
  readonly value: string;
  readonly modRevision: Revision;
}

/** Why an endpoint cannot stay. `taken`: others may use its addresses. */
export interface Loss {
  readonly reason: string;
  readonly taken: boolean;
}

export interface PublishedHooks {
  stored(networkId: NetworkId, stored: StoredKey): void;
  deleted(networkId: NetworkId, key: string, revision: Revision): void;
  lost(id: EndpointId): void;
  /** Something that was open may be settled. */
  worked(): void;
}

/** With its conditions a batch has to fit into one transaction. */
const batchSize = 35;
/** How long the caller waits for the store. */
const patienceMs = 500;
/** A write of which nothing was heard may still come about for so long. */
const doubtMs = 15_000;

interface Doubt {
  readonly networkId: NetworkId;
  readonly untilMs: number;
}

export class PublishedEndpoints {
  readonly #site: Site;
  readonly #membership: Membership;
  readonly #networks: SharedNetworks;
  readonly #hooks: PublishedHooks;
  readonly #pump: Pump;
  readonly #wanted = new Map<EndpointId, SharedEndpoint>();
  readonly #lost = new Map<EndpointId, Loss>();
  #stored = new Map<EndpointId, StoredEndpoint>();
  /** Those of which wanted and stored may differ. */
  readonly #open = new Set<EndpointId>();
  /** Those of which what is stored has to be read first. */
  readonly #unsure = new Map<EndpointId, Doubt>();
  /** Those of which a write may still come about, even after the store was seen to have them: it is not there only after that. */
  readonly #late = new Map<EndpointId, Doubt>();
  readonly #waiting = new Map<EndpointId, (() => void)[]>();

  constructor(site: Site, membership: Membership, networks: SharedNetworks, hooks: PublishedHooks) {
    this.#site = site;
    this.#membership = membership;
    this.#networks = networks;
    this.#hooks = hooks;
    this.#pump = new Pump(site.clock, () => this.#step());
  }

  close(): void {
    this.#pump.close();
    for (const id of [...this.#waiting.keys()]) this.#settle(id);
  }

  get wanted(): ReadonlyMap<EndpointId, SharedEndpoint> {
    return this.#wanted;
  }

  get lost(): ReadonlyMap<EndpointId, Loss> {
    return this.#lost;
  }

  /** How many the store does not know as they are. */
  get unpublished(): number {
    const ids = new Set([...this.#wanted.keys(), ...this.#stored.keys(), ...this.#unsure.keys()]);
    return [...ids].filter((id) => this.#unsure.has(id) || !this.#isSettled(id)).length;
  }

  /** The store has, or may have, endpoints of this host on the network that are gone. */
  hasLeftovers(networkId: NetworkId): boolean {
    for (const [id, stored] of this.#stored) {
      if (stored.networkId === networkId && !this.#wanted.has(id)) return true;
    }
    return [...this.#unsure].some(([id, doubt]) => doubt.networkId === networkId && !this.#wanted.has(id));
  }

  /** Endpoints there are from before; nothing is written before `replaceStored`. */
  begin(endpoints: readonly SharedEndpoint[]): void {
    for (const endpoint of endpoints) this.#wanted.set(endpoint.id, endpoint);
  }

  publish(endpoint: SharedEndpoint): Promise<void> {
    if (this.#lost.has(endpoint.id)) return Promise.resolve();
    this.#wanted.set(endpoint.id, endpoint);
    return this.#follow(endpoint.id);
  }

  withdraw(id: EndpointId): Promise<void> {
    this.#lost.delete(id);
    this.#wanted.delete(id);
    return this.#follow(id);
  }

  /** It cannot be, and is not told to anybody any more. */
  lose(id: EndpointId, loss: Loss): void {
    if (!this.#wanted.delete(id)) return;
    this.#lost.set(id, loss);
    this.#open.add(id);
    this.#settle(id);
    this.#hooks.lost(id);
    this.#pump.poke();
  }

  /** All the store has of this host, read after it was registered. */
  replaceStored(stored: ReadonlyMap<EndpointId, StoredEndpoint>): void {
    this.#stored = new Map(stored);
    this.#unsure.clear();
    for (const id of [...this.#wanted.keys(), ...stored.keys()]) this.#open.add(id);
  }

  /** What the store has as this host's, as somebody came across it. */
  found(id: EndpointId, stored: StoredEndpoint): void {
    if ((this.#stored.get(id)?.modRevision ?? 0) >= stored.modRevision) return;
    this.#stored.set(id, stored);
    this.#open.add(id);
    this.#pump.poke();
  }

  /** This host is registered. */
  hurry(): void {
    this.#pump.hurry();
  }

  #follow(id: EndpointId): Promise<void> {
    this.#open.add(id);
    const settled = new Promise<void>((resolve) => {
      this.#waiting.set(id, [...(this.#waiting.get(id) ?? []), resolve]);
    });
    this.#pump.poke();
    if (this.#site.store.isAway || this.#membership.token === undefined) this.#settle(id);
    const cancel = this.#site.clock.after(patienceMs, () => this.#settle(id));
    return settled.finally(cancel);
  }

  #settle(id: EndpointId): void {
    for (const resolve of this.#waiting.get(id) ?? []) resolve();
    this.#waiting.delete(id);
  }

  async #step(): Promise<boolean> {
    const { token } = this.#membership;
    if (token === undefined || this.#open.size === 0) return false;
    await this.#readUnsure();
    const batch = this.#takeBatch();
    const networkIds = batch.map((id) => this.#networkOf(id));
    try {
      if (batch.length > 0) await this.#write(batch, token);
    } catch (error) {
      for (const [i, id] of batch.entries()) this.#doubt(id, networkIds[i], error);
      throw error;
    }
    this.#hooks.worked();
    return true;
  }

  async #readUnsure(): Promise<void> {
    const some = [...this.#unsure].filter(([id]) => this.#open.has(id)).slice(0, batchSize);
    await Promise.all(
      some.map(async ([id, doubt]) => {
        const { networkId, untilMs } = doubt;
        const { key } = await this.#site.store.get(this.#site.layout.endpoint(networkId, id));
        if (key === undefined) this.#stored.delete(id);
        else this.#stored.set(id, { networkId, value: key.value, modRevision: key.modRevision });
        const leftMs = untilMs - this.#site.clock.nowMs();
        if (key === undefined && !this.#wanted.has(id) && leftMs > 0) this.#lookAgain(id, leftMs);
        else this.#unsure.delete(id);
        if (leftMs <= 0) this.#late.delete(id);
      }),
    );
  }

  /** It is not there, but may still come. */
  #lookAgain(id: EndpointId, delayMs: number): void {
    this.#open.delete(id);
    this.#settle(id);
    this.#site.clock.after(delayMs, () => {
      this.#open.add(id);
      this.#pump.poke();
    });
  }

  #takeBatch(): readonly EndpointId[] {
    const batch: EndpointId[] = [];
    for (const id of this.#open) {
      if (batch.length === batchSize) break;
      if (this.#unsure.has(id)) continue;
      this.#open.delete(id);
      if (this.#isSettled(id)) this.#settle(id);
      else batch.push(id);
    }
    return batch;
  }

  #isSettled(id: EndpointId): boolean {
    const wanted = this.#wanted.get(id);
    const stored = this.#stored.get(id);
    return wanted === undefined ? stored === undefined : stored?.value === this.#encode(wanted);
  }

  async #write(batch: readonly EndpointId[], token: Revision): Promise<void> {
    const { store, layout, host } = this.#site;
    const networks = await this.#networkConditions(batch);
    const sent = batch.flatMap((id) => this.#change(id) ?? []);
    if (sent.length === 0) return;
    const { applied, revision } = await store.write(
      [
        { key: layout.claim(host.id), modRevision: token },
        ...networks,
        ...sent.map(({ condition }) => condition),
      ],
      sent.map(({ write }) => write),
    );
    if (!applied) return this.#diagnose(batch, token);
    for (const { id, write, networkId, condition } of sent)
      this.#record(id, networkId, { write, condition, revision });
  }

  /** Those whose network is gone are lost. */
  async #networkConditions(batch: readonly EndpointId[]): Promise<readonly Condition[]> {
    const conditions = new Map<NetworkId, Condition>();
    for (const id of batch) {
      const networkId = this.#wanted.get(id)?.networkId;
      if (networkId === undefined || conditions.has(networkId)) continue;
      try {
        conditions.set(networkId, await this.#networks.condition(networkId));
      } catch (error) {
        if (!(error instanceof NetError) || error.code !== 'not_found') throw error;
        if (!(await this.#membership.knowsStore())) throw error;
        this.lose(id, { reason: 'its network was deleted on another host', taken: false });
      }
    }
    return [...conditions.values()];
  }

  #change(id: EndpointId) {
    const wanted = this.#wanted.get(id);
    const stored = this.#stored.get(id);
    const networkId = this.#networkOf(id);
    if (networkId === undefined || this.#isSettled(id)) return undefined;
    const key = this.#site.layout.endpoint(networkId, id);
    const condition: Condition =
      stored === undefined ? { key, absent: true } : { key, modRevision: stored.modRevision };
    const write: Write = wanted === undefined ? { delete: key } : { put: key, value: this.#encode(wanted) };
    return { id, networkId, condition, write };
  }

  #record(
    id: EndpointId,
    networkId: NetworkId,
    done: { readonly write: Write; readonly condition: Condition; readonly revision: Revision },
  ): void {
    const { write, revision } = done;
    if ('put' in write) {
      const { put: key, value } = write;
      this.#stored.set(id, { networkId, value, modRevision: revision });
      this.#hooks.stored(networkId, { key, value, createRevision: revision, modRevision: revision });
    } else if ('delete' in write) {
      this.#stored.delete(id);
      this.#hooks.deleted(networkId, write.delete, revision);
      if (this.#mayComeAgain(id)) return;
    }
    if (this.#isSettled(id)) this.#settle(id);
    else this.#open.add(id);
  }

  /** What was sent before may arrive after it was deleted. */
  #mayComeAgain(id: EndpointId): boolean {
    const late = this.#late.get(id);
    this.#late.delete(id);
    const leftMs = (late?.untilMs ?? 0) - this.#site.clock.nowMs();
    if (late === undefined || leftMs <= 0 || this.#wanted.has(id)) return false;
    this.#unsure.set(id, late);
    this.#lookAgain(id, leftMs);
    return true;
  }

  /** One of the conditions did not hold: everything they were about is read again. */
  async #diagnose(batch: readonly EndpointId[], token: Revision): Promise<void> {
    await this.#membership.verify(token);
    const networks = new Set(batch.flatMap((id) => this.#wanted.get(id)?.networkId ?? []));
    for (const id of networks) await this.#networks.lookUp(id);
    throw new NetError('conflict', 'what the store has of this host is not what was expected');
  }

  /** One that was refused is not on its way any more. */
  #doubt(id: EndpointId, networkId: NetworkId | undefined, error: unknown): void {
    this.#open.add(id);
    if (networkId === undefined) return;
    const isRefused = error instanceof NetError && error.code === 'conflict';
    const untilMs = isRefused ? 0 : this.#site.clock.nowMs() + doubtMs;
    this.#unsure.set(id, { networkId, untilMs });
    if (!isRefused) this.#late.set(id, { networkId, untilMs });
  }

  #networkOf(id: EndpointId): NetworkId | undefined {
    return this.#wanted.get(id)?.networkId ?? this.#stored.get(id)?.networkId;
  }

  #encode(endpoint: SharedEndpoint): string {
    return encodeEndpoint(this.#site.host.id, endpoint);
  }
}
