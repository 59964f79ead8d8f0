// Joining the hosts a daemon shares networks with, when it is told of a store they share.
import { lookup } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { addressOf, type IpAddress } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { randomId } from '../base/random-id.ts';
import { BootClock, readBootId } from '../cluster/boot-clock.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { type EtcdAddress, parseEtcdUrls } from '../cluster/etcd/etcd-url.ts';
import { LocalCluster } from '../cluster/local.ts';
import type { ClusterMemory, Remembered } from '../cluster/memory.ts';
import { macOf } from '../drivers/endpoint-interface.ts';
import { type Underlay, underlayLink } from '../drivers/overlay/underlay.ts';
import { egressLink } from '../kernel/host-subnets.ts';
import { readAddresses } from '../kernel/rtnetlink/client.ts';
import { lookUpRoute } from '../kernel/rtnetlink/route-lookup.ts';
import type { HostId } from '../model/ids.ts';
import type { Store } from '../store/store.ts';
import { type ClusterConfig, usualTimes } from './cluster-settings.ts';
import type { Config } from './config.ts';

export interface OpenedCluster {
  readonly cluster: Cluster;
  /** Where this host's tunnels end; undefined when there are no other hosts. */
  readonly underlay: Underlay | undefined;
}

const memoryKey = 'cluster';

/** Errors: `invalid_parameter` (the advertised address is not this host's, a file that cannot be read), `unavailable`. */
export async function openCluster(config: Config, store: Store, log: Log): Promise<OpenedCluster> {
  const settings = config.cluster;
  if (settings === undefined) return { cluster: new LocalCluster(), underlay: undefined };
  const urls = parseEtcdUrls(settings.urls);
  const id = await hostId(store);
  const address = await advertised(settings, urls.addresses);
  const underlay = { address, mac: macOf(id) };
  const link = await underlayLink(underlay);
  if (link === undefined) {
    throw new NetError(
      'invalid_parameter',
      `--advertise: no interface of this host has the address ${address}`,
    );
  }
  // Loaded only here: who is alone does not pay for a client of etcd.
  const [{ openEtcd }, { SharedCluster }] = await Promise.all([
    import('../cluster/etcd/etcd-store.ts'),
    import('../cluster/shared/shared-cluster.ts'),
  ]);
  const etcd = await openEtcd({
    ...urls,
    ...(await certificates(settings)),
    onError: (message) => log.warn({ message }, 'a member of etcd fails'),
  });
  const cluster = new SharedCluster({
    store: etcd,
    clock: new BootClock(),
    bootId: readBootId(),
    memory: memoryIn(store),
    host: { id, name: config.hostName, ...underlay, mtuBytes: link.mtuBytes },
    prefix: urls.prefix,
    leaseSeconds: orUsual(settings.leaseSeconds, usualTimes.leaseSeconds),
    graceSeconds: orUsual(settings.graceSeconds, usualTimes.graceSeconds),
    log,
  });
  return { cluster, underlay };
}

/** What a new cluster gets; one that is there keeps its own, and refuses another that was asked for. */
function orUsual(given: number | undefined, usual: number) {
  return { value: given ?? usual, given: given !== undefined };
}

/** Chosen once: it stays the same however the host is called. */
async function hostId(store: Store): Promise<HostId> {
  const known = store.state.settings.get('hostId');
  if (known !== undefined) return known as HostId;
  const id = randomId() as HostId;
  await store.commit(
    [
      { put: 'setting', key: 'hostId', value: id },
      // Nobody has written anything by that name yet.
      { put: 'setting', key: memoryKey, value: JSON.stringify({ blocks: [], networks: [] }) },
    ],
    { durable: true },
  );
  return id;
}

function memoryIn(store: Store): ClusterMemory {
  return {
    read: () => JSON.parse(store.state.settings.get(memoryKey) ?? '{"blocks":[]}') as Remembered,
    write: (remembered) =>
      store.commit([{ put: 'setting', key: memoryKey, value: JSON.stringify(remembered) }], {
        durable: true,
      }),
  };
}

/** The address others send to. */
async function advertised({ advertise }: ClusterConfig, servers: readonly EtcdAddress[]): Promise<IpAddress> {
  const address = advertise ?? (await addressTowards(servers)) ?? (await egressAddress());
  if (address !== undefined) return address;
  throw new NetError(
    'invalid_parameter',
    '--advertise ADDR is needed: no address of this host leads to etcd or anywhere else',
  );
}

/** The one this host has towards the first etcd server it has a way to, unless that is on the host itself. */
async function addressTowards(
  endpoints: readonly { readonly host: string }[],
): Promise<IpAddress | undefined> {
  for (const { host } of endpoints) {
    const destination = isIP(host) === 0 ? await resolved(host) : host;
    if (destination === undefined) continue;
    const route = await lookUpRoute({ destination: destination as IpAddress });
    const source = typeof route === 'string' ? undefined : route.source;
    if (source !== undefined && source !== '::1' && !source.startsWith('127.') && source !== destination) {
      return source;
    }
  }
  return undefined;
}

async function resolved(name: string): Promise<string | undefined> {
  return lookup(name).then(
    ({ address }) => address,
    () => undefined,
  );
}

async function egressAddress(): Promise<IpAddress | undefined> {
  const link = await egressLink();
  const addresses = link === undefined ? [] : await readAddresses(link.index);
  return addresses.map(({ address }) => addressOf(address)).find((address) => !address.startsWith('fe80:'));
}

async function certificates({ ca, cert, key }: ClusterConfig) {
  const files = Object.entries({ ca, cert, key }).filter((entry) => entry[1] !== undefined);
  const read = files.map(async ([name, path = '']) => [name, await readPem(`--etcd-${name}`, path)] as const);
  return Object.fromEntries(await Promise.all(read));
}

async function readPem(flag: string, path: string): Promise<Buffer> {
  return readFile(path).catch((error: unknown) => {
    throw new NetError('invalid_parameter', `${flag}: ${path} cannot be read`, { cause: error });
  });
}
