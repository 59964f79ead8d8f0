// The first endpoint of another host on a network: whether that host answers is tried once, so that a blocked port is in the log
// before somebody misses an answer.
import { setTimeout } from 'node:timers/promises';
import type { HostId, NetworkId } from '../model/ids.ts';
import type { Network } from '../model/network.ts';
import type { Peer } from '../model/peer.ts';
import { networkEvent } from './events.ts';
import type { Parts } from './parts.ts';
import { checksumsMended, hostText, mendChecksums, silenceText } from './tunnel-probe.ts';
import { answeringTarget, checksumsArrive, type TunnelWay, tunnelWays, unlessGone } from './tunnel-way.ts';

/** An endpoint is known to others a little before, or after, it knows of them, and before its interface is there. */
const usual = { patienceMs: 15_000, pauseMs: 500 };

export class FirstContacts {
  readonly #parts: Parts;
  readonly #times: typeof usual;
  /** Hosts that were tried, or are being tried. */
  readonly #met = new Map<NetworkId, Set<HostId>>();
  readonly #closing = new AbortController();

  constructor(parts: Parts, times: typeof usual = usual) {
    this.#parts = parts;
    this.#times = times;
  }

  /** After the peers on a network changed; returns at once. May be repeated. */
  meet(network: Network, put: readonly Peer[]): void {
    const there = new Set([...(this.#parts.cluster.peersOf(network.id)?.values() ?? [])].map(hostId));
    const met = this.#met.get(network.id) ?? new Set();
    this.#met.set(network.id, met);
    for (const id of met) if (!there.has(id)) met.delete(id);
    for (const id of new Set(put.map(hostId))) {
      if (met.has(id)) continue;
      met.add(id);
      void this.#tryHost(network, id);
    }
  }

  close(): void {
    this.#closing.abort();
  }

  async #tryHost(network: Network, id: HostId): Promise<void> {
    const { log } = this.#parts;
    try {
      const way = await this.#wayThatAnswers(network, id);
      if (way?.answering !== undefined) return await this.#tryChecksums(way, way.answering);
      if (way !== undefined) this.#tell(way, silenceText(way));
    } catch (error) {
      log.warn({ network: network.name, reason: String(error) }, 'a tunnel could not be tried');
    }
  }

  /** Undefined when the host or we left the network, or when we stop. */
  async #wayThatAnswers(network: Network, id: HostId) {
    const { signal } = this.#closing;
    const end = performance.now() + this.#times.patienceMs;
    let silent: TunnelWay | undefined;
    while (!signal.aborted && this.#met.get(network.id)?.has(id) === true) {
      const way = tunnelWays(this.#parts, network).find(({ host }) => host.id === id);
      const answering = way && (await unlessGone(answeringTarget(this.#parts, way)));
      if (way !== undefined && answering !== undefined) return { ...way, answering };
      silent = way ?? silent;
      if (performance.now() >= end) return silent && { ...silent, answering: undefined };
      // Aborted, it ends at once.
      await setTimeout(this.#times.pauseMs, undefined, { signal, ref: false }).catch(() => {});
    }
    return undefined;
  }

  async #tryChecksums(way: TunnelWay, answering: Parameters<typeof checksumsArrive>[2]): Promise<void> {
    const again = async () => (await unlessGone(checksumsArrive(this.#parts, way, answering))) ?? true;
    if (await again()) return;
    // Where other hosts take checksums of this one, its network card is not to blame.
    for (const other of tunnelWays(this.#parts, way.network)) {
      const target = other.host.id === way.host.id ? undefined : other.targets[0];
      if (target !== undefined && (await unlessGone(checksumsArrive(this.#parts, other, target)))) return;
    }
    if (await mendChecksums(this.#parts, way.network, again)) this.#tell(way, checksumsMended);
  }

  #tell(way: TunnelWay, problem: string): void {
    const { log, events } = this.#parts;
    const host = hostText(way);
    log.warn({ network: way.network.name, host }, problem);
    events.emit(networkEvent('tunnel', way.network, { host: way.host.name, problem }));
  }
}

function hostId({ host }: Peer): HostId {
  return host.id;
}
