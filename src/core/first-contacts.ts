// The first endpoint of another host on a network: whether that host answers is tried once, so that a blocked port is in the log
// before somebody misses an answer.
import { setTimeout } from 'node:timers/promises';
import type { IpAddress } from '../base/cidr.ts';
import { KeyedMutex } from '../base/keyed-mutex.ts';
import type { HostId, NetworkId } from '../model/ids.ts';
import type { Network } from '../model/network.ts';
import type { Peer } from '../model/peer.ts';
import { networkEvent } from './events.ts';
import type { Parts } from './parts.ts';
import { checksumsMended, hostText, mendChecksums, silenceText } from './tunnel-probe.ts';
import { answeringTarget, checksumsArrive, type TunnelWay, tunnelWays, unlessGone } from './tunnel-way.ts';

/** An endpoint is known to others a little before, or after, it knows of them, and before its interface is there. */
const usual = { patienceMs: 15_000, pauseMs: 500 };
/** A network may be joined that is on hundreds of hosts. */
const atOnce = 4;

export class FirstContacts {
  readonly #parts: Parts;
  readonly #times: typeof usual;
  /** Hosts that were tried, or are being tried. */
  readonly #met = new Map<NetworkId, Set<HostId>>();
  readonly #turns = new KeyedMutex();
  #tries = 0;
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
      const answering = way && (await this.#inTurn(() => answeringTarget(this.#parts, way)));
      if (way !== undefined && answering !== undefined) return { ...way, answering };
      silent = way ?? silent;
      if (performance.now() >= end) return silent && { ...silent, answering: undefined };
      // Aborted, it ends at once.
      await setTimeout(this.#times.pauseMs, undefined, { signal, ref: false }).catch(() => {});
    }
    return undefined;
  }

  async #tryChecksums(way: TunnelWay, answering: IpAddress): Promise<void> {
    const again = async () => (await this.#checksumsArrive(way, answering)) ?? true;
    if (await again()) return;
    // Of many hosts that are met at once the first has it mended for all.
    await this.#turns.run({ exclusive: [`checksums ${way.network.id}`] }, async () => {
      if ((await again()) || (await this.#anotherTakesThem(way))) return;
      if (await mendChecksums(this.#parts, way.network, again)) this.#tell(way, checksumsMended);
    });
  }

  /** Then the network card of this host is not to blame. */
  async #anotherTakesThem({ network, host }: TunnelWay): Promise<boolean> {
    const others = tunnelWays(this.#parts, network).filter((other) => other.host.id !== host.id);
    for (const other of others.slice(0, atOnce)) {
      const [target] = other.targets;
      if (target !== undefined && (await this.#checksumsArrive(other, target))) return true;
    }
    return false;
  }

  #checksumsArrive(way: TunnelWay, target: IpAddress): Promise<boolean | undefined> {
    return this.#inTurn(() => checksumsArrive(this.#parts, way, target));
  }

  /** Undefined when the sandbox it is tried from is gone. */
  #inTurn<T>(work: () => Promise<T>): Promise<T | undefined> {
    const slot = `slot ${this.#tries++ % atOnce}`;
    return this.#turns.run({ exclusive: [slot] }, () => unlessGone(work()));
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
