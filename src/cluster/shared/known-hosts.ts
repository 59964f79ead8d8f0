// The hosts of the cluster as far as this one knows: those that live, and those whose claims are kept.
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

export class KnownHosts {
  readonly #site: Site;
  readonly #hooks: KnownHostsHooks;
  readonly #living = new Map<HostId, ClusterHost>();
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
  }

  get isKnown(): boolean {
    return this.hosts.applied !== undefined;
  }

  /** Those that live, this one among them. */
  get living(): ReadonlyMap<HostId, ClusterHost> {
    return this.#living;
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
      if (decoded === undefined) this.#living.delete(id);
      else this.#living.set(id, decoded);
      changed.add(id);
      if (id === host.id && stored === undefined) this.#hooks.ownIsGone('host');
    }
    this.#hooks.changed(changed);
  }

  #followClaims(keys: ReadonlySet<string>): void {
    for (const key of keys) if (!this.claims.keys.has(key)) this.endedClaims += 1;
    const own = this.#site.layout.claim(this.#site.host.id);
    if (keys.has(own) && !this.claims.keys.has(own)) this.#hooks.ownIsGone('claim');
  }
}
