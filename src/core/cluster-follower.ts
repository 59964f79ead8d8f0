// What other hosts change, brought about on this one: networks that come and go, endpoints of theirs, and addresses that are no
// longer ours.
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { addressOf, overlaps } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import type { ClusterListener } from '../cluster/cluster.ts';
import type { EndpointId, NetworkId } from '../model/ids.ts';
import type { Network } from '../model/network.ts';
import type { PeerChange } from '../model/peer.ts';
import { repairPending } from './check.ts';
import { deleteNetwork, removeRecordedNetwork } from './delete-network.ts';
import { networkEvent } from './events.ts';
import { FirstContacts } from './first-contacts.ts';
import type { Locks } from './locks.ts';
import { endpointsOfNetwork, ipamOf } from './lookup.ts';
import type { Memberships } from './memberships.ts';
import type { Parts } from './parts.ts';
import { followPeers, sharedEndpoint } from './peers.ts';
import { whilePresent } from './presence.ts';

/** As long as a start waits for a store that does not answer: together they take no longer. */
const peersPatienceMs = 2_000;

export class ClusterFollower implements ClusterListener {
  readonly #parts: Parts;
  readonly #locks: Locks;
  readonly #memberships: Memberships;
  readonly #contacts: FirstContacts;
  /** Undefined as long as nothing was said of them. */
  #areTunnelsOpen: boolean | undefined;
  /** Networks whose peers were not told of yet since the start, and what is called when there is none. */
  readonly #awaited = new Set<NetworkId>();
  #allTold = () => {};

  constructor(parts: Parts, locks: Locks, memberships: Memberships) {
    this.#parts = parts;
    this.#locks = locks;
    this.#memberships = memberships;
    this.#contacts = new FirstContacts(parts);
  }

  /**
   * After the records and the kernel agree. When it resolves, the peers of networks in use are known, unless the store does not tell
   * of them soon.
   */
  async start(): Promise<void> {
    const { cluster, store } = this.#parts;
    const endpoints = [...store.state.endpoints.values()]
      .filter(({ pending }) => pending !== true)
      .flatMap((endpoint) => sharedEndpoint(this.#parts, endpoint) ?? []);
    const networks = [...store.state.networks.values()].filter(
      (network) => network.shared === true && network.pending !== true,
    );
    const arePeersKnown = this.#awaitPeers(endpoints.map(({ networkId }) => networkId));
    await cluster.start({ networks, endpoints }, this);
    if (this.#areTunnelsOpen === undefined) await this.#turnTunnels(true);
    // Networks that were being made when the last run ended are taken back from all hosts.
    await this.#locks.alone(() => repairPending(this.#parts));
    await arePeersKnown;
  }

  close(): void {
    this.#contacts.close();
  }

  async networkFound(network: Network): Promise<void> {
    const keys = { exclusive: ['networks', `network:${network.id}`] };
    await this.#locks.run(keys, async () => {
      const known = this.#state.networks.get(network.id);
      if (isDeepStrictEqual(known, network) || (known?.pending === true && (await this.#takeBack(known))))
        return;
      if (known === undefined) this.#checkRoom(network);
      const ipam = ipamOf(this.#parts, network.ipam.driver);
      for (const pool of network.ipam.pools) ipam.restore(network.name, pool, []);
      await this.#parts.store.commit([{ put: 'network', value: network }], { durable: true });
      if (known === undefined || known.pending === true) {
        this.#parts.events.emit(networkEvent('create', network));
      }
    });
  }

  async networkGone(id: NetworkId): Promise<void> {
    do {
      for (const endpoint of endpointsOfNetwork(this.#state, id)) {
        await this.endpointLost(endpoint.id, 'its network was deleted on another host');
      }
    } while (!(await this.#forget(id)));
  }

  async peersChanged(id: NetworkId, change: PeerChange & { readonly all: boolean }): Promise<void> {
    await whilePresent(this.#parts, id, async () => {
      const network = this.#state.networks.get(id);
      if (network === undefined) return;
      await followPeers(this.#parts, network, change);
      this.#contacts.meet(network, change.put);
    });
    if (this.#awaited.delete(id) && this.#awaited.size === 0) this.#allTold();
  }

  async endpointLost(id: EndpointId, reason: string): Promise<void> {
    const endpoint = this.#state.endpoints.get(id);
    if (endpoint === undefined) return this.#parts.cluster.withdraw(id);
    const { log, events } = this.#parts;
    const sandbox = this.#state.sandboxes.get(endpoint.sandboxId)?.name ?? endpoint.sandboxId;
    const network = this.#state.networks.get(endpoint.networkId)?.name ?? endpoint.networkId;
    const addresses = endpoint.addresses.map(addressOf).join(', ');
    log.warn({ sandbox, network, addresses, reason }, 'endpoint is lost to the cluster and is disconnected');
    events.emit({
      type: 'endpoint',
      action: 'lost',
      id,
      attributes: { sandbox, network, addresses, reason },
    });
    await this.#memberships.remove(id);
  }

  async tunnelsChanged(open: boolean): Promise<void> {
    const { log } = this.#parts;
    if (!open)
      log.warn({}, 'tunnels to other hosts are closed: they may have been given addresses of this one');
    else if (this.#areTunnelsOpen === false) log.info({}, 'tunnels to other hosts are open again');
    this.#areTunnelsOpen = open;
    await this.#turnTunnels(open);
  }

  /** Of networks of this host's endpoints: what there was to be told of one of them is in effect then. */
  async #awaitPeers(networks: readonly NetworkId[]): Promise<void> {
    if (this.#parts.cluster.kind === 'local' || networks.length === 0) return;
    for (const id of networks) this.#awaited.add(id);
    const allTold = new Promise<void>((resolve) => {
      this.#allTold = resolve;
    });
    await Promise.race([allTold, delay(peersPatienceMs, undefined, { ref: false })]);
    this.#awaited.clear();
  }

  /** False when somebody was put on the network meanwhile. */
  #forget(id: NetworkId): Promise<boolean> {
    return this.#locks.run({ exclusive: ['networks', `network:${id}`] }, async () => {
      const network = this.#state.networks.get(id);
      if (network === undefined) return true;
      if (endpointsOfNetwork(this.#state, id).length > 0) return false;
      await removeRecordedNetwork(this.#parts, network);
      return true;
    });
  }

  /**
   * A network that is pending while nobody works on networks was being made when the last run ended. Nobody was told that it is there:
   * it goes, unless others are on it by now.
   */
  async #takeBack(draft: Network): Promise<boolean> {
    try {
      await deleteNetwork(this.#parts, draft);
      return true;
    } catch (error) {
      if (error instanceof NetError && error.code === 'conflict') return false;
      throw error;
    }
  }

  get #state() {
    return this.#parts.store.state;
  }

  async #turnTunnels(open: boolean): Promise<void> {
    const { present } = this.#parts;
    const there = [...this.#state.networks.values()].filter(({ id, shared }) => shared && present.has(id));
    for (const { name, tunnels } of this.#parts.drivers.values()) {
      await tunnels?.setOpen(
        open,
        there.filter(({ driver }) => driver === name),
      );
    }
  }

  /** Errors: `conflict`, naming what of this host is in the way. */
  #checkRoom({ name, ipam }: Network): void {
    for (const other of this.#state.networks.values()) {
      if (other.name === name) {
        throw new NetError('conflict', `this host has a network ${name} of its own`);
      }
      for (const { subnet } of ipam.pools) {
        const rival = other.ipam.pools.find((pool) => overlaps(pool.subnet, subnet));
        if (rival === undefined) continue;
        throw new NetError(
          'conflict',
          `subnet ${subnet} overlaps ${rival.subnet} of network ${other.name} of this host`,
        );
      }
    }
  }
}
