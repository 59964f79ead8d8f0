// The tunnels of overlay networks: what is known of endpoints on other hosts, and the kernel brought in line with it.
import { KeyedMutex } from '../../base/keyed-mutex.ts';
import type { Log } from '../../base/log.ts';
import { hasTransmitChecksum, setTransmitChecksum } from '../../kernel/ethtool.ts';
import { NetlinkError } from '../../kernel/netlink/error.ts';
import { runProgram } from '../../kernel/program.ts';
import { findLink, findLinkPair, request } from '../../kernel/rtnetlink/client.ts';
import { changeLink } from '../../kernel/rtnetlink/link.ts';
import type { Difference } from '../../model/difference.ts';
import type { NetworkId } from '../../model/ids.ts';
import type { Network } from '../../model/network.ts';
import type { Peer, PeerChange } from '../../model/peer.ts';
import { defaultBridgeName } from '../bridge/bridge-plan.ts';
import type { Tunnels } from '../driver.ts';
import { changeEntries, readEntries, type TunnelLinks } from './kernel-entries.ts';
import { PeerTable } from './peer-table.ts';
import { compareEntries, describeChange, entriesOf, isEmpty } from './tunnel-entries.ts';
import type { Underlay } from './underlay.ts';
import { isReachable, vxlanName } from './vxlan-plan.ts';

export interface OverlayTunnelsOptions {
  readonly underlay: () => Underlay | undefined;
  readonly log?: Log | undefined;
}

export class OverlayTunnels implements Tunnels {
  readonly #underlay: () => Underlay | undefined;
  readonly #log: Log | undefined;
  readonly #turn = new KeyedMutex();
  /** Of networks whose peers were told since the start. */
  readonly #tables = new Map<NetworkId, PeerTable>();
  readonly #withoutOffload = new Set<NetworkId>();
  #open: boolean | undefined;

  constructor({ underlay, log }: OverlayTunnelsOptions) {
    this.#underlay = underlay;
    this.#log = log;
  }

  /** Undefined as long as nobody has said. */
  get open(): boolean | undefined {
    return this.#open;
  }

  /** Work on a network's links and entries, one at a time. */
  alone<T>({ id }: Network, work: () => Promise<T>): Promise<T> {
    return this.#turn.run({ exclusive: [id] }, work);
  }

  replacePeers(network: Network, peers: Iterable<Peer>): Promise<void> {
    return this.alone(network, async () => {
      this.#tables.set(network.id, new PeerTable(floods(network), this.#reachable(peers)));
      await this.restore(network);
    });
  }

  changePeers(network: Network, { put, gone }: PeerChange): Promise<void> {
    return this.alone(network, async () => {
      const table = this.#tables.get(network.id) ?? new PeerTable(floods(network));
      this.#tables.set(network.id, table);
      const change = table.change({ put: this.#reachable(put), gone });
      const links = await findTunnel(network);
      if (links !== undefined) await changeEntries(links, change);
    });
  }

  inspectPeers(network: Network, peers: Iterable<Peer>): Promise<readonly Difference[]> {
    return this.alone(network, async () => {
      const links = await findTunnel(network);
      if (links === undefined) return [];
      const all = [...peers];
      const wanted = entriesOf(this.#reachable(all), floods(network));
      const change = compareEntries(wanted, await readEntries(links));
      const object = `tunnel ${vxlanName(network)}`;
      return [...this.#unreachable(all), ...describeChange(change).map((problem) => ({ object, problem }))];
    });
  }

  async setOpen(open: boolean, networks: readonly Network[]): Promise<void> {
    this.#open = open;
    const results = await Promise.allSettled(
      networks.map((network) => this.alone(network, () => turn(network, this.#open ?? open))),
    );
    const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    if (failures.length > 0) {
      throw new AggregateError(failures, `cannot ${open ? 'open' : 'close'} ${failures.length} tunnels`);
    }
  }

  avoidChecksumOffload(network: Network, avoid: boolean): Promise<void> {
    return this.alone(network, async () => {
      if (avoid) {
        this.#withoutOffload.add(network.id);
        await this.keepOffload(network);
      } else if (this.#withoutOffload.delete(network.id) && (await findTunnel(network)) !== undefined) {
        await setTransmitChecksum(vxlanName(network), true);
      }
    });
  }

  /** Brings what is known of peers back where links were made anew. Within `alone`, as the next. */
  async restore(network: Network): Promise<void> {
    const table = this.#tables.get(network.id);
    const links = await findTunnel(network);
    if (table === undefined || links === undefined) return;
    const change = compareEntries(table.entries(), await readEntries(links));
    if (isEmpty(change)) return;
    this.#log?.debug({ network: network.id, changes: describeChange(change) }, 'tunnel entries change');
    await changeEntries(links, change);
  }

  /** Checksum offload stays off where it was turned off. */
  async keepOffload(network: Network): Promise<void> {
    if (await this.offloadsWrongly(network)) await setTransmitChecksum(vxlanName(network), false);
  }

  async offloadsWrongly(network: Network): Promise<boolean> {
    if (!this.#withoutOffload.has(network.id)) return false;
    return (await findTunnel(network)) !== undefined && hasTransmitChecksum(vxlanName(network));
  }

  forget({ id }: Network): void {
    this.#tables.delete(id);
  }

  #reachable(peers: Iterable<Peer>): readonly Peer[] {
    const underlay = this.#underlay();
    return underlay === undefined ? [] : [...peers].filter(({ host }) => isReachable(underlay, host));
  }

  #unreachable(peers: readonly Peer[]): readonly Difference[] {
    const underlay = this.#underlay();
    if (underlay === undefined) return [];
    const hosts = new Map(peers.map(({ host }) => [host.id, host]));
    return [...hosts.values()]
      .filter((host) => !isReachable(underlay, host))
      .map(({ name, address }) => ({
        object: `host ${name}`,
        problem: `has address ${address}, which tunnels of another family from ${underlay.address} do not lead to`,
      }));
  }
}

function floods({ options }: Network): boolean {
  return options['multicast'] === 'true';
}

/** Undefined as long as the network has no tunnel here. */
async function findTunnel(network: Network): Promise<TunnelLinks | undefined> {
  const [bridge, vxlan] = await findLinkPair(
    { name: defaultBridgeName(network.id) },
    { name: vxlanName(network) },
  );
  if (bridge === undefined || vxlan?.info.kind !== 'vxlan' || vxlan.master !== bridge.index) return undefined;
  return { bridge: bridge.index, vxlan: vxlan.index };
}

async function turn(network: Network, open: boolean): Promise<void> {
  const link = await findLink({ name: vxlanName(network) });
  if (link === undefined || link.info.kind !== 'vxlan' || link.up === open) return;
  try {
    await runProgram([request('host', changeLink({ index: link.index }, { up: open }))]);
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.code !== 'ENODEV') throw error;
  }
}
