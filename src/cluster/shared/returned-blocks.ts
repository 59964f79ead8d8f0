// Blocks this host gives back: deleted in the store once nothing of this host in it is left there.
import type { Cidr } from '../../base/cidr.ts';
import type { NetworkId } from '../../model/ids.ts';
import type { HeldBlock } from '../memory.ts';
import type { Revision } from '../shared-store.ts';
import type { Membership } from './membership.ts';
import { Pump } from './pump.ts';
import { decodeBlock } from './records.ts';
import type { Site } from './site.ts';

export interface ReturnHooks {
  /** Endpoints of this host that are gone may still be in the store. */
  hasLeftovers(networkId: NetworkId): boolean;
  /** It is held, or a claim of it is under way: it must not be given back. */
  isWanted(block: HeldBlock): boolean;
  deleted(networkId: NetworkId, key: string, revision: Revision): void;
}

interface Return {
  readonly block: HeldBlock;
  /** Otherwise only a look at the store tells whether it is this host's. */
  readonly isSure: boolean;
}

const doubtMs = 15_000;

export class ReturnedBlocks {
  readonly #site: Site;
  readonly #membership: Membership;
  readonly #hooks: ReturnHooks;
  readonly #pump: Pump;
  readonly #returns = new Map<string, Return>();
  /** By key, until when a claim of which nothing was heard may still come about, whatever else happens to the block meanwhile. */
  readonly #doubts = new Map<string, number>();
  /** What a deletion was sent of which has no answer: without a new claim it cannot be had back. */
  readonly #going = new Set<string>();

  constructor(site: Site, membership: Membership, hooks: ReturnHooks) {
    this.#site = site;
    this.#membership = membership;
    this.#hooks = hooks;
    this.#pump = new Pump(site.clock, () => this.#step());
  }

  close(): void {
    this.#pump.close();
  }

  has(networkId: NetworkId, cidr: Cidr): boolean {
    return this.#returns.has(this.#site.layout.block(networkId, cidr));
  }

  /** Those with blocks that are, or may yet come to be, in the store. */
  networks(): readonly NetworkId[] {
    const keys = [...this.#returns.keys(), ...this.#doubts.keys()];
    return keys.flatMap((key) => this.#site.layout.parsePart(key)?.networkId ?? []);
  }

  /** It is this host's, and may be by a claim that is still on its way. */
  add(block: HeldBlock, { isDoubtful = false } = {}): void {
    const key = this.#site.layout.block(block.networkId, block.cidr);
    if (isDoubtful) this.#doubts.set(key, this.#site.clock.nowMs() + doubtMs);
    this.#returns.set(key, { block, isSure: !isDoubtful });
    this.#pump.poke();
  }

  /** One of those of a subnet that are this host's for sure, or the one: it is kept after all. */
  takeBack(networkId: NetworkId, subnet: Cidr, wanted?: Cidr): HeldBlock | undefined {
    for (const [key, { block, isSure }] of this.#returns) {
      if (block.networkId !== networkId || block.subnet !== subnet) continue;
      if (this.#going.has(key) || !isSure || (wanted ?? block.cidr) !== block.cidr) continue;
      this.#returns.delete(key);
      return block;
    }
    return undefined;
  }

  /** It was claimed anew. */
  forget({ networkId, cidr }: HeldBlock): void {
    this.#returns.delete(this.#site.layout.block(networkId, cidr));
  }

  /** What the store has of this host, by key, after its claim may have been away: the rest is not its own any more. */
  replaceStored(stored: ReadonlySet<string>): void {
    for (const [key, { isSure }] of this.#returns) {
      if (isSure && !stored.has(key)) this.#returns.delete(key);
    }
  }

  /** There may be more to do than there was. */
  poke(): void {
    this.#pump.poke();
  }

  /** This host is registered. */
  hurry(): void {
    this.#pump.hurry();
  }

  async #step(): Promise<boolean> {
    const { token } = this.#membership;
    const next = this.#next();
    if (token === undefined || next === undefined) return false;
    await this.#return(...next, token);
    return true;
  }

  #next(): [string, Return] | undefined {
    for (const entry of this.#returns) {
      const [, { block }] = entry;
      if (!this.#hooks.hasLeftovers(block.networkId) && !this.#hooks.isWanted(block)) return entry;
    }
    return undefined;
  }

  async #return(key: string, entry: Return, token: Revision): Promise<void> {
    const { store, layout, host } = this.#site;
    const { key: stored, revision } = await store.get(key);
    if (this.#returns.get(key) !== entry || this.#hooks.isWanted(entry.block)) return;
    const isOurs = stored !== undefined && decodeBlock(stored.value) === host.id;
    if (!isOurs) {
      this.#returns.delete(key);
      this.#going.delete(key);
      if (stored === undefined) this.#hooks.deleted(entry.block.networkId, key, revision);
      this.#lookAgainIfDoubtful(key, entry.block);
      return;
    }
    this.#going.add(key);
    const conditions = [
      { key: layout.claim(host.id), modRevision: token },
      { key, modRevision: stored.modRevision },
    ];
    const done = await store.write(conditions, [{ delete: key }]);
    this.#going.delete(key);
    if (!done.applied) return this.#membership.verify(token);
    if (this.#returns.get(key) === entry) this.#returns.delete(key);
    this.#hooks.deleted(entry.block.networkId, key, done.revision);
    this.#lookAgainIfDoubtful(key, entry.block);
  }

  /** When a claim that was on its way has come about, or never will. */
  #lookAgainIfDoubtful(key: string, block: HeldBlock): void {
    const leftMs = (this.#doubts.get(key) ?? 0) - this.#site.clock.nowMs();
    this.#doubts.delete(key);
    if (leftMs <= 0) return;
    this.#site.clock.after(leftMs, () => {
      if (this.#returns.has(key) || this.#hooks.isWanted(block)) return;
      this.#returns.set(key, { block, isSure: false });
      this.#pump.poke();
    });
  }
}
