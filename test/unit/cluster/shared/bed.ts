// Hosts that share a simulated store, each with a listener that writes down what it is told.
import { pino } from 'pino';
import type { Cidr, InterfaceAddress, IpAddress } from '../../../../src/base/cidr.ts';
import type { MacAddress } from '../../../../src/base/mac.ts';
import type { Cluster, ClusterListener } from '../../../../src/cluster/cluster.ts';
import type { Remembered } from '../../../../src/cluster/memory.ts';
import { SharedCluster, type SharedClusterOptions } from '../../../../src/cluster/shared/shared-cluster.ts';
import type { EndpointId, HostId, NetworkId, SandboxId } from '../../../../src/model/ids.ts';
import type { Network } from '../../../../src/model/network.ts';
import type { SharedEndpoint } from '../../../../src/model/peer.ts';
import { SimulatedServer } from '../../../support/simulated-server.ts';
import { connect } from '../../../support/simulated-store.ts';
import { SimulatedTime } from '../../../support/simulated-time.ts';

export const root = '/fairlead/v1/';

export interface BedHost {
  readonly cluster: Cluster;
  /** What the listener was told, one line each. */
  readonly told: string[];
  readonly link: ReturnType<typeof connect>['link'];
  readonly machine: ReturnType<typeof connect>['machine'];
  readonly memory: { remembered: Remembered };
  /** Calls of the listener with that in their line fail for as long as it is there. */
  readonly failing: Set<string>;
  /** Ends the daemon at once. */
  kill(): void;
}

type Recorded = Parameters<Cluster['start']>[0];

export class Bed {
  readonly time = new SimulatedTime(7);
  readonly server = new SimulatedServer(this.time);

  /** A host whose daemon starts, and the time until it is there. */
  async host(
    number: number,
    changed: Partial<SharedClusterOptions> & {
      readonly recorded?: Partial<Recorded>;
      readonly after?: BedHost;
    } = {},
  ): Promise<BedHost> {
    const host = this.prepare(number, changed);
    const { recorded, after: _ } = changed;
    await this.time.settle(host.start({ networks: [], endpoints: [], ...recorded }));
    return host;
  }

  prepare(number: number, changed: Partial<SharedClusterOptions> & { readonly after?: BedHost } = {}) {
    const { after, ...options } = changed;
    const { link, clock, store, machine } = connect(this.server);
    const memory = after?.memory ?? { remembered: { blocks: [], networks: [] } as Remembered };
    const told: string[] = [];
    const failing = new Set<string>();
    const cluster: Cluster = new SharedCluster({
      store,
      clock,
      bootId: 'boot',
      memory: {
        read: () => memory.remembered,
        write: async (remembered) => {
          memory.remembered = remembered;
        },
      },
      host: hostRecord(number),
      prefix: '/fairlead',
      leaseSeconds: { value: 10, given: false },
      graceSeconds: { value: 20, given: false },
      log: pino({ level: 'silent' }),
      ...options,
    });
    const tell = async (line: string) => {
      if ([...failing].some((part) => line.includes(part))) throw new Error(`not now: ${line}`);
      told.push(line);
    };
    const listener: ClusterListener = {
      networkFound: ({ name }) => tell(`found ${name}`),
      networkGone: (id) => tell(`gone ${id}`),
      peersChanged: (id, { put, gone, all }) => {
        const names = (peers: typeof put) => peers.map((peer) => `${peer.id}@${peer.host.address}`).sort();
        return tell(`peers ${id}${all ? ' all' : ''} +[${names(put)}] -[${names(gone)}]`);
      },
      endpointLost: (id, reason) => tell(`lost ${id}: ${reason}`),
      tunnelsChanged: (open) => tell(open ? 'open' : 'closed'),
    };
    const start = (recorded: Recorded) => cluster.start(recorded, listener);
    return { cluster, told, failing, link, machine, memory, start, kill: () => clock.stop() };
  }

  /** Keys below the cluster's records. */
  keys(below = ''): readonly string[] {
    return this.server.read(root + below).keys.map(({ key }) => key.slice(root.length));
  }

  /** What comes of it, error codes and messages as text. */
  async outcome(work: Promise<unknown>): Promise<unknown> {
    return this.time.settle(
      work.catch((error: { code?: string; message: string }) => `${error.code}: ${error.message}`),
    );
  }

  async until(holds: () => boolean): Promise<void> {
    await this.time.until(holds);
  }

  run(ms: number): Promise<void> {
    return this.time.run(ms);
  }
}

export function hostRecord(number: number) {
  return {
    id: `host-${number}` as HostId,
    name: `machine${number}`,
    address: `192.0.2.${number}` as IpAddress,
    mac: `02:42:c0:00:02:0${number}` as MacAddress,
    mtuBytes: 1500,
  };
}

export function network(name: string, subnet = '10.0.0.0/24', options: Record<string, string> = {}): Network {
  return {
    id: `id-${name}` as NetworkId,
    name,
    driver: 'overlay',
    createdAt: '2026-01-01T00:00:00.000Z',
    internal: false,
    ipv4: true,
    ipv6: false,
    options,
    labels: {},
    ipam: { driver: 'default', options: {}, pools: [{ subnet: subnet as Cidr, reserved: {} }] },
    builtin: false,
  };
}

export function endpoint(name: string, on: Network, address: string): SharedEndpoint {
  return {
    id: `ep-${name}` as EndpointId,
    networkId: on.id,
    sandboxId: `sandbox-${name}` as SandboxId,
    names: [name],
    mac: '02:42:0a:00:00:02' as MacAddress,
    addresses: [`${address}/24` as InterfaceAddress],
    services: [],
  };
}
