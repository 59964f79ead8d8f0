// The blocks this host gives addresses of: claimed in the store, remembered, then used; forgotten, then given back.
import type { Cidr, IpAddress } from '../../base/cidr.ts';
import { NetError } from '../../base/errors.ts';
import { KeyedMutex } from '../../base/keyed-mutex.ts';
import type { HostId, NetworkId } from '../../model/ids.ts';
import type { Network, Pool } from '../../model/network.ts';
import { Backoff, pause } from '../backoff.ts';
import { blockAt, lowestFreeBlock, someFreeBlock } from '../blocks.ts';
import type { HeldBlock } from '../memory.ts';
import type { Condition, Revision, StoredKey } from '../shared-store.ts';
import type { FollowedNetwork } from './followed-network.ts';
import type { KnownHosts } from './known-hosts.ts';
import type { Membership } from './membership.ts';
import type { Recollection } from './recollection.ts';
import { decodeBlock, encodeBlock } from './records.ts';
import type { ReturnedBlocks } from './returned-blocks.ts';
import type { SharedNetworks } from './shared-networks.ts';
import type { Site } from './site.ts';
import type { TouchedNetworks } from './touched-networks.ts';

export interface HeldBlocksParts {
  readonly membership: Membership;
  readonly recollection: Recollection;
  readonly networks: SharedNetworks;
  readonly returns: ReturnedBlocks;
  readonly hosts: KnownHosts;
  readonly touched: TouchedNetworks;
}

/** Of which network and pool a block is asked for, and what is known of it. */
interface Place {
  readonly network: Network;
  readonly pool: Pool;
  readonly followed: FollowedNetwork;
}

const mostTries = 20;
const mostNames = 10;

export class HeldBlocks {
  readonly #site: Site;
  readonly #parts: HeldBlocksParts;
  readonly #mutex = new KeyedMutex();
  readonly #held = new Map<NetworkId, readonly HeldBlock[]>();
  /** Keys of those a claim is under way for. */
  readonly #claiming = new Set<string>();
  /** Claims of any block, by subnet: who asks meanwhile gets a share. */
  readonly #shared = new Map<Cidr, Promise<Cidr>>();

  constructor(site: Site, parts: HeldBlocksParts) {
    this.#site = site;
    this.#parts = parts;
  }

  get all(): readonly HeldBlock[] {
    return [...this.#held.values()].flat();
  }

  of(networkId: NetworkId, subnet: Cidr): readonly Cidr[] {
    const held = this.#held.get(networkId) ?? [];
    return held.filter((block) => block.subnet === subnet).map(({ cidr }) => cidr);
  }

  /** It is held, or a claim of it is under way. */
  wants({ networkId, cidr }: HeldBlock): boolean {
    if (this.#claiming.has(this.#site.layout.block(networkId, cidr))) return true;
    return this.#held.get(networkId)?.some((held) => held.cidr === cidr) === true;
  }

  /** These, and no others. */
  replace(blocks: readonly HeldBlock[]): void {
    this.#held.clear();
    for (const block of blocks) this.#keep(block);
  }

  /** Something of this host in the store that it does not know of is given back. */
  found(block: HeldBlock): void {
    const { returns } = this.#parts;
    if (this.wants(block) || returns.has(block.networkId, block.cidr)) return;
    // It may have been deleted since it was read: only a look at the store tells.
    returns.add(block, { isDoubtful: true });
  }

  claim(place: Place, wanted: IpAddress | undefined): Promise<Cidr> {
    const { subnet } = place.pool;
    const claim = () => this.#mutex.run({ exclusive: [subnet] }, () => this.#claim(place, wanted));
    if (wanted !== undefined) return claim();
    const underWay = this.#shared.get(subnet);
    if (underWay !== undefined) return underWay;
    const shared = claim().finally(() => this.#shared.delete(subnet));
    this.#shared.set(subnet, shared);
    return shared;
  }

  /** Gives back all of a network. */
  leave(networkId: NetworkId): void {
    const blocks = this.#held.get(networkId) ?? [];
    if (blocks.length === 0) return;
    this.#held.delete(networkId);
    void this.#return(blocks);
  }

  /** Errors: `unavailable`. */
  async remember(): Promise<void> {
    await this.#parts.recollection.change({ blocks: this.all });
  }

  /** What is still remembered must not be another's. */
  async #return(blocks: readonly HeldBlock[]): Promise<void> {
    const backoff = new Backoff(this.#site.clock);
    for (;;) {
      try {
        await this.remember();
        break;
      } catch (error) {
        this.#site.log.warn({ reason: String(error) }, 'blocks of addresses cannot be given back yet');
        await pause(this.#site.clock, backoff.nextMs());
      }
    }
    for (const block of blocks) this.#parts.returns.add(block);
  }

  async #claim(place: Place, wanted: IpAddress | undefined): Promise<Cidr> {
    const { network, pool } = place;
    const cidr = wanted && blockAt(pool, wanted);
    if (cidr !== undefined && this.of(network.id, pool.subnet).includes(cidr)) return cidr;
    for (let tries = 0; tries < mostTries; tries++) {
      const token = this.#parts.membership.needToken();
      const kept = this.#parts.returns.takeBack(network.id, pool.subnet, cidr);
      if (kept !== undefined) return this.#use(kept);
      this.#parts.membership.refuseWhileRebuilt(`pool ${pool.subnet}`);
      const chosen = cidr ?? this.#choose(place, tries);
      const block = { networkId: network.id, subnet: pool.subnet, cidr: chosen };
      const key = this.#site.layout.block(network.id, chosen);
      this.#claiming.add(key);
      try {
        await this.#parts.touched.add(network.id);
        const isOurs = await this.#write(block, key, { token, followed: place.followed });
        if (isOurs) return await this.#use(block);
      } finally {
        this.#claiming.delete(key);
        this.#parts.returns.poke();
      }
      if (wanted !== undefined) this.#refuseHolder(place, chosen, wanted);
    }
    throw new NetError(
      'unavailable',
      `pool ${pool.subnet}: other hosts were faster at every one of ${mostTries} tries`,
    );
  }

  /** The lowest, so that subnets fill from below; after a lost race any, so that hosts do not meet again. */
  #choose({ network, pool, followed }: Place, tries: number): Cidr {
    const taken = new Set(followed.blocks.keys());
    const free =
      tries === 0 ? lowestFreeBlock(pool, taken) : someFreeBlock(pool, taken, this.#site.clock.random());
    if (free !== undefined) return free;
    const counts = new Map<HostId, number>();
    for (const host of followed.blocks.values()) counts.set(host, (counts.get(host) ?? 0) + 1);
    const holders = [...counts].sort(([, one], [, other]) => other - one);
    const shown = holders
      .slice(0, mostNames)
      .map(([id, count]) => `${this.#parts.hosts.nameOf(id)} ${count}`);
    const more = holders.length > mostNames ? ` and ${holders.length - mostNames} more` : '';
    throw new NetError(
      'exhausted',
      `pool ${pool.subnet} of network ${network.name} has no block left; of its blocks hosts hold: ${shown.join(', ')}${more}`,
    );
  }

  /** Errors: `not_found` (the network is gone), `unavailable`. */
  async #write(
    block: HeldBlock,
    key: string,
    { token, followed }: { readonly token: Revision; readonly followed: FollowedNetwork },
  ): Promise<boolean> {
    const { store, layout, host } = this.#site;
    const { membership, networks, returns } = this.#parts;
    const network = await networks.condition(block.networkId);
    const value = encodeBlock(host.id);
    const put = (condition: Condition) =>
      store.write(
        [{ key: layout.claim(host.id), modRevision: token }, network, condition],
        [{ put: key, value }],
      );
    try {
      let done = await put({ key, absent: true });
      const stored = done.applied ? undefined : await this.#diagnose(key, token, block, followed);
      // Ours from before. It is written anew, so that whatever was meant for the old one does not touch it.
      if (stored !== undefined && decodeBlock(stored.value) === host.id) {
        done = await put({ key, modRevision: stored.modRevision });
      }
      if (!done.applied) return false;
      const { revision } = done;
      const createRevision = stored?.createRevision ?? revision;
      followed.follower.learnPut({ key, value, createRevision, modRevision: revision });
      if (membership.token === token) returns.forget(block);
      else returns.add(block);
      return membership.token === token;
    } catch (error) {
      returns.add(block, { isDoubtful: true });
      throw error;
    }
  }

  /** Why it was refused: the claim may be lost, the network gone, or the block somebody's. */
  async #diagnose(
    key: string,
    token: Revision,
    block: HeldBlock,
    followed: FollowedNetwork,
  ): Promise<StoredKey | undefined> {
    await this.#parts.membership.verify(token);
    await this.#parts.networks.lookUp(block.networkId);
    return this.#lookUp(key, followed);
  }

  async #lookUp(key: string, { follower }: FollowedNetwork): Promise<StoredKey | undefined> {
    const { key: stored, revision } = await this.#site.store.get(key);
    if (stored === undefined) follower.learnDeleted(key, revision);
    else follower.learnPut(stored);
    return stored;
  }

  /** Nothing is given of it before it is remembered. */
  async #use(block: HeldBlock): Promise<Cidr> {
    this.#keep(block);
    try {
      await this.remember();
    } catch (error) {
      this.#drop(block);
      this.#parts.returns.add(block);
      throw error;
    }
    return block.cidr;
  }

  #refuseHolder({ network, followed }: Place, cidr: Cidr, wanted: IpAddress): void {
    const holder = followed.blocks.get(cidr);
    if (holder === undefined || holder === this.#site.host.id) return;
    const name = this.#parts.hosts.nameOf(holder);
    throw new NetError(
      'conflict',
      `network ${network.name}: ${wanted} is one of the addresses ${cidr} that host ${name} gives`,
    );
  }

  #keep(block: HeldBlock): void {
    const held = this.#held.get(block.networkId) ?? [];
    this.#held.set(block.networkId, [...held.filter(({ cidr }) => cidr !== block.cidr), block]);
  }

  #drop({ networkId, cidr }: HeldBlock): void {
    const rest = (this.#held.get(networkId) ?? []).filter((held) => held.cidr !== cidr);
    if (rest.length === 0) this.#held.delete(networkId);
    else this.#held.set(networkId, rest);
  }
}
