// The hosts of the cluster as far as this one knows: those that live, and those whose claims are kept.
import { isDeepStrictEqual } from 'node:util';
import type { HostId } from '../../model/ids.ts';
import type { ClusterHost } from '../../model/peer.ts';
import { Follower } from './follower.ts';
import { decodeHost } from './records.ts';
import type { Site } from './site.ts';

export interface KnownHostsHooks {
  /** Those that came, went or are not what they were. */
  changed(ids: ReadonlySet<HostId>): void;
  /** This host's own record or claim is gone, or was not there from the start. */
  ownIsGone(what: 'host' | 'claim'): void;
}

/**
 * A store that stood still itself ends the leases of all hosts at once when it goes on. Whoever is back as soon as it can reach the store
 * was never gone to the others. Longer than the longest pause between two tries to reach it.
 */
const reprieveMs = 6000;

export class KnownHosts {
  readonly #site: Site;
  readonly #hooks: KnownHostsHooks;
  readonly #living = new Map<HostId, ClusterHost>();
  /** Those whose records are gone and who are not given up yet: functions that spare them. */
  readonly #missed = new Map<HostId, () => void>();
  /** How many have ended since the start, as far as it was seen. */
  endedClaims = 0;
  readonly hosts: Follower;
  readonly claims: Follower;

  constructor(site: Site, hooks: KnownHostsHooks) {
    this.#site = site;
    this.#hooks = hooks;
    const { layout } = site;
    this.hosts = new Follower(site, layout.hosts, { onChange: (keys) => this.#followHosts(keys) });
    this.claims = new Follower(site, layout.claims, { onChange: (keys) => this.#followClaims(keys) });
  }

  start(): void {
    this.hosts.start();
    this.claims.start();
  }

  close(): void {
    this.hosts.close();
    this.claims.close();
    for (const spare of this.#missed.values()) spare();
  }

  get isKnown(): boolean {
    return this.hosts.applied !== undefined;
  }

  /** Those that live, this one among them, and those that may be back in a moment. */
  get living(): ReadonlyMap<HostId, ClusterHost> {
    return this.#living;
  }

  /** Whether it lives for all that is recorded. */
  isAlive(id: HostId): boolean {
    return this.#living.has(id) && !this.#missed.has(id);
  }

  /** Those of which something is kept, as they were when they claimed it. */
  claimants(): readonly ClusterHost[] {
    const { claims } = this.#site.layout;
    return [...this.claims.keys.values()].flatMap(
      ({ key, value }) => decodeHost(key.slice(claims.length) as HostId, value) ?? [],
    );
  }

  /** What people call a host: by its id where that is all there is. */
  nameOf(id: HostId): string {
    return this.#living.get(id)?.name ?? this.claimants().find((host) => host.id === id)?.name ?? id;
  }

  #followHosts(keys: ReadonlySet<string>): void {
    const { layout, host } = this.#site;
    const changed = new Set<HostId>();
    for (const key of keys) {
      const id = key.slice(layout.hosts.length) as HostId;
      const stored = this.hosts.keys.get(key);
      const decoded = stored && decodeHost(id, stored.value);
      this.#missed.get(id)?.();
      this.#missed.delete(id);
      const before = this.#living.get(id);
      if (decoded === undefined && before !== undefined && id !== host.id) this.#miss(id);
      else if (!isDeepStrictEqual(before, decoded)) {
        if (decoded === undefined) this.#living.delete(id);
        else this.#living.set(id, decoded);
        changed.add(id);
      }
      if (id === host.id && stored === undefined) this.#hooks.ownIsGone('host');
    }
    this.#hooks.changed(changed);
  }

  #miss(id: HostId): void {
    const giveUp = () => {
      this.#missed.delete(id);
      this.#living.delete(id);
      this.#hooks.changed(new Set([id]));
    };
    this.#missed.set(id, this.#site.clock.after(reprieveMs, giveUp));
  }

  #followClaims(keys: ReadonlySet<string>): void {
    for (const key of keys) if (!this.claims.keys.has(key)) this.endedClaims += 1;
    const own = this.#site.layout.claim(this.#site.host.id);
    if (keys.has(own) && !this.claims.keys.has(own)) this.#hooks.ownIsGone('claim');
  }
}
