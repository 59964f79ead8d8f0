// The networks of the cluster: known by following them, made and deleted by transactions of which only one at a time can succeed.
import type { Cidr } from '../../base/cidr.ts';
import { NetError } from '../../base/errors.ts';
import type { NetworkId } from '../../model/ids.ts';
import type { Network } from '../../model/network.ts';
import { pause } from '../backoff.ts';
import { refuseCollision } from '../collisions.ts';
import type { Condition, Revision, StoredKey } from '../shared-store.ts';
import { withVni } from '../vni.ts';
import { Follower } from './follower.ts';
import type { KnownHosts } from './known-hosts.ts';
import type { Membership } from './membership.ts';
import { decodeNetwork, encodeNetwork, type SharedNetwork } from './records.ts';
import { refuseHolders } from './refuse-holders.ts';
import type { Site } from './site.ts';

/** Of each lost race somebody else came out with what they wanted. */
const mostTries = 20;
const longestPauseMs = 50;
/** A host that lives gives back what it does not need, as soon as it hears of it. */
const patienceMs = 2000;

export class SharedNetworks {
  readonly follower: Follower;
  readonly #site: Site;
  readonly #membership: Membership;
  readonly #hosts: KnownHosts;
  readonly #known = new Map<NetworkId, Network>();
  readonly #expected = new Set<NetworkId>();
  /** More than one where an old one is heard of late. */
  readonly #bySubnet = new Map<Cidr, readonly Network[]>();
  /** Networks whose making may still come about, though it was given up. */
  readonly #doubtful = new Set<NetworkId>();

  constructor(
    site: Site,
    membership: Membership,
    hosts: KnownHosts,
    changed: (ids: readonly NetworkId[]) => void,
  ) {
    this.#site = site;
    this.#membership = membership;
    this.#hosts = hosts;
    const { networks } = site.layout;
    this.follower = new Follower(site, networks, {
      onChange: (keys) => changed([...keys].map((key) => key.slice(networks.length) as NetworkId)),
    });
  }

  /** Those that are recorded here, or will be before anything asks for an address of them. */
  get known(): ReadonlyMap<NetworkId, Network> {
    return this.#known;
  }

  remember(network: Network): void {
    this.#expected.delete(network.id);
    this.#learn(network);
  }

  /** It is about to be recorded here. */
  expect(network: Network): void {
    if (!this.#known.has(network.id)) this.#expected.add(network.id);
    this.#learn(network);
  }

  /** What was expected did not come about, unless somebody else brought it about meanwhile. */
  expectNoMore(id: NetworkId): void {
    if (this.#expected.has(id)) this.forget(id);
  }

  #learn(network: Network): void {
    this.#known.set(network.id, network);
    for (const { subnet } of network.ipam.pools) {
      const others = (this.#bySubnet.get(subnet) ?? []).filter(({ id }) => id !== network.id);
      this.#bySubnet.set(subnet, [...others, network]);
    }
  }

  /** It is recorded here no more. */
  forget(id: NetworkId): void {
    this.#known.delete(id);
    this.#expected.delete(id);
    for (const [subnet, networks] of this.#bySubnet) {
      const others = networks.filter((network) => network.id !== id);
      if (others.length === 0) this.#bySubnet.delete(subnet);
      else this.#bySubnet.set(subnet, others);
    }
  }

  withSubnet(subnet: Cidr): Network | undefined {
    const networks = this.#bySubnet.get(subnet) ?? [];
    return networks.find(({ id }) => !this.#expected.has(id)) ?? networks[0];
  }

  /** Those that are recorded here. */
  get recorded(): readonly Network[] {
    return [...this.#known.values()].filter(({ id }) => !this.#expected.has(id));
  }

  /** All that the store has are known. */
  get isComplete(): boolean {
    return this.follower.applied !== undefined;
  }

  /** The store has it, whether or not it can be read. */
  isStored(id: NetworkId): boolean {
    return this.follower.keys.has(this.#site.layout.network(id));
  }

  /** As the store has it; undefined when it has not, or what it has is no network. */
  stored(id: NetworkId): (SharedNetwork & { readonly text: string }) | undefined {
    const key = this.follower.keys.get(this.#site.layout.network(id));
    const decoded = key && decodeNetwork(id, key.value);
    return decoded && key && { ...decoded, text: key.value };
  }

  /** That a network is there, and is the one that is known. Errors: `not_found`, `unavailable`. */
  async condition(id: NetworkId): Promise<Condition> {
    const key = this.#site.layout.network(id);
    const stored = this.follower.keys.get(key) ?? (await this.lookUp(id));
    if (stored === undefined) throw new NetError('not_found', `network ${id} is no network of the cluster`);
    return { key, createRevision: stored.createRevision };
  }

  /** Asks the store, whatever is known. Errors: `unavailable`. */
  async lookUp(id: NetworkId): Promise<StoredKey | undefined> {
    const name = this.#site.layout.network(id);
    const { key, revision } = await this.#site.store.get(name);
    if (key === undefined) this.follower.learnDeleted(name, revision);
    else this.follower.learnPut(key);
    return key;
  }

  claim(draft: Network): Promise<Network> {
    return this.#claim(draft, () => this.#membership.needToken());
  }

  /**
   * Puts back what the store has lost, as long as nothing else is in its place, while this host is being registered. Errors: as of
   * `claim`.
   */
  async restore(network: Network, token: Revision): Promise<void> {
    await this.#claim(network, () => token);
  }

  async #claim(draft: Network, needToken: () => Revision): Promise<Network> {
    for (let tries = 0; tries < mostTries; tries++) {
      const claimed = await this.#tryToClaim(draft, needToken());
      if (claimed !== undefined) return claimed;
      await this.#pause();
    }
    throw new NetError(
      'unavailable',
      `network ${draft.name}: networks were made and deleted on other hosts at every one of ${mostTries} tries`,
    );
  }

  async release(network: Network): Promise<void> {
    this.#membership.refuseWhileRebuilt(`network ${network.name}`);
    const deadlineMs = this.#site.clock.nowMs() + patienceMs;
    for (let tries = 0; tries < mostTries; ) {
      const outcome = await this.#tryToRelease(network, deadlineMs);
      if (outcome === 'done') return;
      if (outcome === 'lost') tries++;
      await this.#pause();
    }
    throw new NetError(
      'unavailable',
      `network ${network.name}: networks were made and deleted on other hosts at every one of ${mostTries} tries`,
    );
  }

  /** Undefined when somebody was faster. */
  async #tryToClaim(draft: Network, token: Revision): Promise<Network | undefined> {
    const { store, layout, host } = this.#site;
    // Read before what is judged: who changes that afterwards changes this too.
    const generation = await store.get(layout.generation);
    const { keys } = await store.read(layout.networks);
    const rivals = keys.flatMap(
      ({ key, value }) => decodeNetwork(key.slice(layout.networks.length) as NetworkId, value) ?? [],
    );
    const key = layout.network(draft.id);
    const earlier = keys.find((stored) => stored.key === key);
    if (earlier !== undefined) return this.#adopt(draft.id, earlier);
    refuseCollision(draft, rivals);
    const network = withVni(
      draft,
      rivals.map((rival) => rival.network),
    );
    const value = encodeNetwork({ ...network, shared: true }, host.name);
    const conditions: Condition[] = [
      { key: layout.claim(host.id), modRevision: token },
      same(layout.generation, generation.key),
      { key, absent: true },
    ];
    const writes = [
      { put: key, value },
      { put: layout.generation, value: draft.id },
    ];
    try {
      const { applied, revision } = await store.write(conditions, writes);
      if (applied) {
        return this.#adopt(draft.id, { key, value, createRevision: revision, modRevision: revision });
      }
    } catch {
      // It may have been made all the same, or still be. The next try tells; the end of all tries does not.
      this.#doubtful.add(draft.id);
    }
    await this.#membership.verify(token);
    return undefined;
  }

  #adopt(id: NetworkId, stored: StoredKey): Network | undefined {
    const decoded = decodeNetwork(id, stored.value);
    if (decoded === undefined) return undefined;
    this.#doubtful.delete(id);
    this.remember(decoded.network);
    this.follower.learnPut(stored);
    return decoded.network;
  }

  async #tryToRelease(network: Network, deadlineMs: number): Promise<'done' | 'wait' | 'lost'> {
    const { store, layout, host } = this.#site;
    const key = layout.network(network.id);
    const generation = await store.get(layout.generation);
    const stored = await this.lookUp(network.id);
    const isAbsent = stored === undefined && !this.#doubtful.has(network.id);
    if (isAbsent && (await this.#membership.knowsStore())) return 'done';
    const token = this.#membership.needToken();
    const parts = await store.read(layout.partsOf(network.id));
    const patient = this.#site.clock.nowMs() < deadlineMs;
    if (parts.keys.length > 0) {
      refuseHolders(network, { keys: parts.keys, hosts: this.#hosts, self: host.id, layout, patient });
      return 'wait';
    }
    // Where there is none, one that is still on its way is refused by this.
    const { applied, revision } = await store.write(
      [
        { key: layout.claim(host.id), modRevision: token },
        same(layout.generation, generation.key),
        same(key, stored),
        { noneBelow: layout.partsOf(network.id) },
      ],
      [{ delete: key }, { put: layout.generation, value: network.id }],
    );
    if (!applied) {
      await this.#membership.verify(token);
      return 'lost';
    }
    this.#doubtful.delete(network.id);
    this.follower.learnDeleted(key, revision);
    return 'done';
  }

  #pause(): Promise<void> {
    return pause(this.#site.clock, longestPauseMs * (0.2 + 0.8 * this.#site.clock.random()));
  }
}

/** It is as it was read. */
function same(key: string, stored: StoredKey | undefined): Condition {
  return stored === undefined ? { key, absent: true } : { key, modRevision: stored.modRevision };
}
