// Parts for tests of the core: real records, addresses and lookups, with a kernel made of maps that can be told to fail.
import { pino } from 'pino';
import {
  addressOf,
  type Cidr,
  familyOf,
  type InterfaceAddress,
  type IpAddress,
} from '../../src/base/cidr.ts';
import { NetError } from '../../src/base/errors.ts';
import type { MacAddress } from '../../src/base/mac.ts';
import { EventBus } from '../../src/core/events.ts';
import { Lingering } from '../../src/core/lingering.ts';
import type { Parts } from '../../src/core/parts.ts';
import { PresentNetworks } from '../../src/core/present-networks.ts';
import type { NameService } from '../../src/dns/name-service.ts';
import { DuplicateNames } from '../../src/dns/names/duplicate-names.ts';
import { visibleNames } from '../../src/dns/names/visible-names.ts';
import type { Driver } from '../../src/drivers/driver.ts';
import type { HostForwarding } from '../../src/drivers/host-forwarding.ts';
import type { Firewall } from '../../src/firewall/firewall.ts';
import type { HostPorts } from '../../src/firewall/host-ports.ts';
import type { Passage } from '../../src/firewall/passage.ts';
import { DefaultIpam } from '../../src/ipam/default-ipam.ts';
import { ForeignIpam } from '../../src/ipam/foreign-ipam.ts';
import type { IpamDriver } from '../../src/ipam/ipam-driver.ts';
import { NullIpam } from '../../src/ipam/null-ipam.ts';
import { SharedIpam } from '../../src/ipam/shared-ipam.ts';
import { portsText } from '../../src/model/allowance.ts';
import type { Attachment } from '../../src/model/attachment.ts';
import type { ResolverView } from '../../src/model/name-entry.ts';
import type { NameStatistics } from '../../src/model/name-statistics.ts';
import type { DriverName, Network } from '../../src/model/network.ts';
import type { AllowancePolicy } from '../../src/model/policy.ts';
import { askersAt, type PublishedPort } from '../../src/model/port.ts';
import type {
  LinkChange,
  ProcessWatcher,
  Sandboxes,
  SandboxFiles,
  SupervisorState,
} from '../../src/sandbox/sandbox.ts';
import { openMemoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import type { Prober } from '../../src/tracer/prober.ts';
import type { Tracer } from '../../src/tracer/tracer.ts';
import { FakeCluster } from './fake-cluster.ts';
import { noNameStatistics } from './name-samples.ts';

/** What the fake kernel holds, for assertions, in one comparable value. */
export interface World {
  readonly bridges: Set<string>;
  /** `namespace path` -> interface names. */
  readonly namespaces: Map<string, Set<string>>;
  /** Names of offered interfaces that lie on the host. */
  readonly host: Set<string>;
  /** Filled by tests: where an offered interface was taken to, by the name it was offered by. */
  readonly taken: Map<string, { readonly path: string; readonly ifname: string }>;
  readonly policies: Set<string>;
  /** Families the host forwards for networks' sake. */
  readonly forwarded: Set<string>;
  /** Bridges whose packets others' firewalls let through. */
  readonly passing: Set<string>;
  readonly forwards: Map<string, number>;
  /** By id: `from -> to ports`. */
  readonly allowances: Map<string, string>;
  readonly ports: Set<string>;
  readonly names: Set<string>;
  /** Peers the kernel has a way to, by the network's name. */
  readonly tunnels: Map<string, Set<string>>;
  tunnelsOpen: boolean;
  /** Namespaces of an engine's containers, by name. */
  readonly containers: Map<string, string>;
  readonly resolvers: Set<string>;
  /** `network id address` of resolvers on the host. */
  readonly gateways: Set<string>;
  readonly files: Set<string>;
  readonly processes: Map<number, { readonly startTime: number; ended?: () => void; signal?: string }>;
  supervisor: SupervisorState | undefined;
  nameStatistics: NameStatistics;
}

export interface FakeParts extends Parts {
  readonly cluster: FakeCluster;
  readonly world: World;
  /** Makes the n-th call (from 1) of `part.method` from now on fail. */
  failOn(call: string, nth?: number): void;
  /** Calls of `part.method` so far. */
  calls(): readonly string[];
  endProcess(pid: number): void;
  /** Told to whoever watches links. */
  changeLink(change: LinkChange): void;
}

export function fakeParts(store: Store = openMemoryStore()): FakeParts {
  const world: World = {
    bridges: new Set(),
    namespaces: new Map(),
    host: new Set(),
    taken: new Map(),
    policies: new Set(),
    forwarded: new Set(),
    passing: new Set(),
    forwards: new Map(),
    allowances: new Map(),
    ports: new Set(),
    names: new Set(),
    tunnels: new Map(),
    tunnelsOpen: true,
    containers: new Map(),
    resolvers: new Set(),
    gateways: new Set(),
    files: new Set(),
    processes: new Map(),
    supervisor: undefined,
    nameStatistics: noNameStatistics,
  };
  const plans = new Map<string, number>();
  const made: string[] = [];
  const wrap = <T extends object>(name: string, part: T): T =>
    new Proxy(part, {
      get(target, key) {
        const value = Reflect.get(target, key);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          const call = `${name}.${String(key)}`;
          made.push(call);
          const left = plans.get(call);
          if (left !== undefined) plans.set(call, left - 1);
          if (left === 1) throw new NetError('unavailable', `${call} was told to fail`);
          return value.apply(target, args);
        };
      },
    });
  const listeners = new Set<(change: LinkChange) => void>();
  const ipam = new DefaultIpam({ pools: [], hostSubnets: async () => [], ulaPrefix: 'fd00:1::/48' as never });
  const cluster = new FakeCluster();
  return {
    world,
    failOn: (call, nth = 1) => void plans.set(call, nth),
    calls: () => made,
    endProcess: (pid) => {
      const process = world.processes.get(pid);
      world.processes.delete(pid);
      process?.ended?.();
    },
    changeLink: (change) => {
      for (const listener of listeners) listener(change);
    },
    cluster: wrap('cluster', cluster),
    store: wrap('store', store),
    ipams: new Map<string, IpamDriver>([
      ['default', new SharedIpam(ipam, cluster)],
      ['null', new NullIpam()],
      ['foreign', new ForeignIpam()],
    ]),
    drivers: new Map<string, Driver>([
      ['bridge', wrap('driver', fakeDriver('bridge', world))],
      ['host', fakeDriver('host', world)],
      ['none', fakeDriver('none', world)],
      ['macvlan', fakeDriver('macvlan', world)],
      ['foreign', fakeDriver('foreign', world)],
      ['overlay', wrap('driver', fakeOverlay(world))],
    ]),
    forwarding: wrap('forwarding', fakeForwarding(world)),
    firewall: wrap('firewall', fakeFirewall(world)),
    passage: wrap('passage', fakePassage(world)),
    hostPorts: wrap('hostPorts', fakeHostPorts(world)),
    sandboxes: wrap('sandboxes', fakeSandboxes(world)),
    files: wrap('files', fakeFiles(world)),
    processes: fakeProcesses(world),
    links: {
      watch: (listener) => {
        listeners.add(listener);
        return () => {
          listeners.delete(listener);
        };
      },
    },
    containers: {
      namespaceOf: async (container) => {
        const path = world.containers.get(container);
        if (path === undefined) throw new NetError('not_found', `no container ${container}`);
        return { containerId: container.padEnd(64, '0'), name: container, path };
      },
    },
    names: wrap('names', fakeNames(world)),
    tracer: fakeTracer(),
    prober: fakeProber,
    events: new EventBus(),
    lingering: new Lingering(),
    present: new PresentNetworks(),
    log: pino({ level: 'silent' }),
    bootId: 'this-boot',
  };
}

/** Every packet is answered. */
const fakeProber: Prober = {
  listen: async () => undefined,
  attempt: async () => ({ answered: true, text: 'is answered' }),
};

/** Every packet arrives. */
function fakeTracer(): Tracer {
  return {
    trace: async ({ to, protocol }) => ({
      steps: [{ passes: true, text: 'it arrives' }],
      passes: true,
      older: [],
      packet: { source: to, destination: to, protocol },
    }),
    hostAddresses: async () => ['192.0.2.1' as IpAddress],
  };
}

/** As a bridge that is there on demand, with tunnels that know peers by their ids. */
function fakeOverlay(world: World): Driver {
  const bridge = fakeDriver('bridge', world);
  const known = (network: Network) => world.tunnels.get(network.name) ?? new Set<string>();
  return {
    ...bridge,
    name: 'overlay',
    scope: 'global',
    onDemand: true,
    ensureNetwork: async (network) => {
      await bridge.ensureNetwork(network);
      world.tunnels.set(network.name, known(network));
    },
    removeNetwork: async (network) => {
      await bridge.removeNetwork(network);
      world.tunnels.delete(network.name);
    },
    tunnels: {
      replacePeers: async (network, peers) => {
        world.tunnels.set(network.name, new Set([...peers].map(({ id }) => id)));
      },
      changePeers: async (network, { put, gone }) => {
        for (const { id } of gone) known(network).delete(id);
        for (const { id } of put) known(network).add(id);
      },
      inspectPeers: async (network, peers) =>
        [...peers]
          .filter(({ id }) => !known(network).has(id))
          .map(({ id }) => ({ object: `peer ${id}`, problem: 'is unknown to the kernel' })),
      setOpen: async (open) => {
        world.tunnelsOpen = open;
      },
      avoidChecksumOffload: async () => {},
    },
  };
}

function fakeDriver(name: DriverName, world: World): Driver {
  const hasInterfaces = name !== 'host' && name !== 'none';
  return {
    name,
    scope: 'local',
    hasInterfaces,
    hasGateway: name === 'bridge' || name === 'foreign',
    normalizeOptions: (raw) => raw,
    resolve: async (draft) =>
      name === 'bridge' ? { ...draft.options, bridge: `fl-${draft.id.slice(0, 10)}` } : draft.options,
    ensureNetwork: async (network) => {
      if (name === 'bridge') world.bridges.add(network.name);
    },
    removeNetwork: async (network) => void world.bridges.delete(network.name),
    ...(name === 'bridge' && { hostLinks: ({ options }) => [options['bridge'] ?? ''] }),
    inspectNetwork: async (network) =>
      name !== 'bridge' || world.bridges.has(network.name)
        ? []
        : [{ object: `bridge ${network.name}`, problem: 'is gone' }],
    needsForwarding: ({ internal, ipv4, ipv6 }) => {
      const forwards = name === 'bridge' && !internal;
      return { ipv4: forwards && ipv4, ipv6: forwards && ipv6 };
    },
    attachment: (network, endpoint) => {
      if (!hasInterfaces || endpoint.mac === undefined) return undefined;
      const gateway = network.internal ? undefined : network.ipam.pools[0]?.gateway;
      return {
        link:
          name === 'foreign'
            ? { kind: 'foreign', former: {} }
            : {
                kind: 'veth',
                hostIfname: `fv${endpoint.id.slice(0, 10)}`,
                bridge: network.options['bridge'] ?? '',
                isolated: false,
                hairpin: true,
              },
        ifname: endpoint.ifname,
        mac: endpoint.mac,
        mtuBytes: 1500,
        addresses: endpoint.addresses,
        routes: [],
        gateways: gateway === undefined ? {} : { ipv4: gateway },
        ...(endpoint.engine !== undefined && { sharedWithOthers: true }),
        ...(endpoint.engine === 'offered' && { offered: true }),
        ...(endpoint.engine === 'taken' && { taken: true }),
      };
    },
    policy: (network) =>
      name === 'bridge'
        ? {
            networkId: network.id,
            ifname: network.options['bridge'] ?? '',
            subnets: network.ipam.pools.map((pool) => pool.subnet),
            internal: network.internal,
            icc: true,
            source: { ipv4: 'masquerade', ipv6: 'masquerade' },
            direct: { ipv4: 'none', ipv6: 'none' },
            trustedInterfaces: [],
          }
        : undefined,
    forwards: (_, endpoint) =>
      endpoint.ports.flatMap((port) => {
        const address = endpoint.addresses
          .map(addressOf)
          .find((one) => familyOf(one) === familyOf(port.hostAddress));
        return address === undefined ? [] : [{ ...port, address }];
      }),
  };
}

function fakeForwarding({ forwarded }: World): HostForwarding {
  return {
    bringAbout: async ({ ipv4, ipv6 }) =>
      become(forwarded, [...(ipv4 ? ['IPv4'] : []), ...(ipv6 ? ['IPv6'] : [])]),
    inspect: async ({ ipv4 }) =>
      ipv4 && !forwarded.has('IPv4')
        ? [{ object: 'host', problem: 'does not forward IPv4 packets between interfaces' }]
        : [],
    notes: () => [],
  };
}

function fakePassage({ passing }: World): Passage {
  const bringAbout = async (bridges: Iterable<string>) => become(passing, bridges);
  return {
    bringAbout,
    follow: bringAbout,
    inspect: async () => [],
    notes: async () => [],
    close: async () => {},
  };
}

function become(set: Set<string>, members: Iterable<string>): void {
  set.clear();
  for (const member of members) set.add(member);
}

function fakeFirewall(world: World): Firewall {
  return {
    name: 'none',
    apply: async (changes) => {
      for (const change of changes) {
        if ('network' in change) world.policies.add(change.network.networkId);
        else if ('removedNetwork' in change) world.policies.delete(change.removedNetwork);
        else if ('endpoint' in change)
          world.forwards.set(change.endpoint.endpointId, change.endpoint.forwards.length);
        else if ('removedEndpoint' in change) world.forwards.delete(change.removedEndpoint);
        else if ('allowance' in change)
          world.allowances.set(change.allowance.allowanceId, allowanceText(change.allowance));
        else world.allowances.delete(change.removedAllowance);
      }
    },
    replace: async (state) => {
      world.policies.clear();
      world.forwards.clear();
      world.allowances.clear();
      for (const one of state.allowances ?? []) world.allowances.set(one.allowanceId, allowanceText(one));
      for (const network of state.networks) world.policies.add(network.networkId);
      for (const endpoint of state.endpoints)
        world.forwards.set(endpoint.endpointId, endpoint.forwards.length);
    },
    inspect: async (desired) => {
      if (desired === undefined) return [];
      const wanted = new Set(desired.endpoints.map(({ endpointId }) => endpointId as string));
      const extra = [...world.forwards.keys()].filter((id) => !wanted.has(id));
      const lost = (desired.allowances ?? []).filter(({ allowanceId }) => !world.allowances.has(allowanceId));
      return [
        ...extra.map((id) => ({ object: `ports of ${id}`, problem: 'nobody asked for them' })),
        ...lost.map(({ allowanceId }) => ({ object: `policy ${allowanceId}`, problem: 'is missing' })),
      ];
    },
    onForeignChange: () => {},
    close: async () => {},
  };
}

function allowanceText({ from, to, ports }: AllowancePolicy): string {
  const span = ports === undefined ? '' : ` ${portsText(ports)}`;
  return `${from.join(',')} -> ${to.join(',')}${span}`;
}

function fakeHostPorts(world: World): HostPorts {
  const key = (id: string, port: PublishedPort) => `${id} ${port.protocol} ${port.hostPort}`;
  return {
    reserve: async (owner, requests) => {
      const ports = requests.flatMap((request) =>
        request.hostAddresses.map((hostAddress) => ({
          protocol: request.protocol,
          port: request.port,
          hostAddress,
          hostPort: request.hostPort?.first ?? 40_000,
          ...askersAt(hostAddress, request),
        })),
      );
      for (const port of ports) {
        const taken = [...world.ports].some((one) => one.endsWith(` ${port.protocol} ${port.hostPort}`));
        if (taken) throw new NetError('conflict', `port ${port.hostPort}/${port.protocol} is taken`);
      }
      for (const port of ports) world.ports.add(key(owner.endpointId, port));
      return ports;
    },
    restore: async (owner, ports) => {
      for (const port of ports) world.ports.add(key(owner.endpointId, port));
      return [];
    },
    release: (id, ports) => {
      for (const held of world.ports) {
        if (ports === undefined ? held.startsWith(id) : ports.some((port) => held === key(id, port)))
          world.ports.delete(held);
      }
    },
  };
}

function fakeSandboxes(world: World): Sandboxes {
  const linksOf = (namespace: { kind: string; path?: string }) =>
    world.namespaces.get(namespace.path ?? '') ?? new Set();
  let inode = 100;
  /** By path and interface name. */
  const attached = new Map<string, Attachment>();
  /** As the kernel gives them out: the lowest that is free. */
  const numbers = new Map<string, number>();
  const numberOf = (path: string) => {
    for (const known of numbers.keys()) if (!world.namespaces.has(known)) numbers.delete(known);
    const used = new Set(numbers.values());
    let lowest = 1;
    while (used.has(lowest)) lowest++;
    const number = numbers.get(path) ?? lowest;
    numbers.set(path, number);
    return number;
  };
  /** Wherever it is. */
  const removeOffered = (ifname: string) => {
    world.host.delete(ifname);
    const to = world.taken.get(ifname);
    world.taken.delete(ifname);
    if (to !== undefined) world.namespaces.get(to.path)?.delete(to.ifname);
  };
  const isThere = (namespace: { kind: string; path?: string }, { ifname, offered }: Attachment) =>
    offered === true ? world.host.has(ifname) || world.taken.has(ifname) : linksOf(namespace).has(ifname);
  return {
    create: async (name) => {
      const path = `/run/netns/${name}`;
      if (world.namespaces.has(path)) throw new NetError('already_exists', `${path} exists`);
      world.namespaces.set(path, new Set());
      return { kind: 'pinned', path, device: 4, inode: inode++ };
    },
    adopt: async (target) => {
      const path = 'path' in target ? target.path : `/proc/${target.pid}/ns/net`;
      if (!world.namespaces.has(path)) throw new NetError('not_found', `no namespace ${path}`);
      return { kind: 'adopted', path, device: 4, inode: numberOf(path) };
    },
    interfaces: async (namespace) => [...linksOf(namespace)],
    exists: async (namespace) => {
      if (namespace.kind === 'awaited') return world.namespaces.has(namespace.expectedPath);
      return !('path' in namespace) || world.namespaces.has(namespace.path);
    },
    loopback: async () => ['127.0.0.1/8' as InterfaceAddress],
    lookAt: async (namespace, ifname) => {
      if (!linksOf(namespace).has(ifname)) throw new NetError('not_found', `no interface ${ifname}`);
      const attachment = attached.get(`${'path' in namespace ? namespace.path : ''} ${ifname}`);
      return {
        settings: {
          mac: attachment?.mac ?? ('02:00:00:00:00:01' as MacAddress),
          mtuBytes: 1500,
          promiscuous: false,
          allMulticast: false,
          txQueueLength: 1000,
        },
        up: true,
        addresses: attachment?.addresses ?? ['10.9.0.2/24' as InterfaceAddress],
        routes: Object.values(attachment?.gateways ?? {}).map((gateway) => ({
          destination: (familyOf(gateway) === 4 ? '0.0.0.0/0' : '::/0') as Cidr,
          gateway,
        })),
        host: { ifname: 'veth0', bridge: 'cni0' },
      };
    },
    attach: async (namespace, attachment) => {
      if (attachment.offered === true) {
        if (world.host.has(attachment.ifname))
          throw new NetError('conflict', `${attachment.ifname} exists already on the host`);
        world.host.add(attachment.ifname);
        return [];
      }
      const links = linksOf(namespace);
      const foreign = attachment.link.kind === 'foreign';
      if (links.has(attachment.ifname) !== foreign) {
        throw new NetError('conflict', `${attachment.ifname} ${foreign ? 'is missing' : 'exists'}`);
      }
      links.add(attachment.ifname);
      if (!foreign)
        attached.set(`${'path' in namespace ? namespace.path : ''} ${attachment.ifname}`, attachment);
      return [];
    },
    detach: async (namespace, attachment) => {
      if (attachment.offered === true) removeOffered(attachment.ifname);
      else if (attachment.link.kind !== 'foreign') linksOf(namespace).delete(attachment.ifname);
    },
    repair: async (namespace, attachment) => {
      if (isThere(namespace, attachment)) return;
      if (attachment.offered === true) world.host.add(attachment.ifname);
      else linksOf(namespace).add(attachment.ifname);
    },
    findTaken: async (path, { ifname }) => {
      const to = world.taken.get(ifname);
      const links = world.namespaces.get(path);
      if (to?.path !== path || links === undefined) return undefined;
      if (world.host.delete(ifname)) links.add(to.ifname);
      return {
        namespace: { kind: 'adopted', path, device: 4, inode: numberOf(path) },
        ifname: to.ifname,
      };
    },
    setDefaultRoutes: async () => {},
    remove: async (namespace, attachments) => {
      if (namespace.kind === 'pinned') world.namespaces.delete(namespace.path);
      for (const { ifname, offered } of attachments) {
        if (offered === true) removeOffered(ifname);
        else linksOf(namespace).delete(ifname);
      }
    },
    inspect: async (namespace, attachments) =>
      attachments
        .filter((attachment) => !isThere(namespace, attachment))
        .map(({ ifname }) => ({ object: `interface ${ifname}`, problem: 'is gone' })),
    strays: async ({ namespaces }) => {
      const kept = new Set(namespaces.map((namespace) => ('path' in namespace ? namespace.path : '')));
      return [...world.namespaces.keys()]
        .filter((path) => path.startsWith('/run/netns/') && !kept.has(path))
        .map((name) => ({ kind: 'pin' as const, name }));
    },
    removeStray: async (stray) => void world.namespaces.delete(stray.name),
    close: async () => {},
  };
}

function fakeFiles(world: World): SandboxFiles {
  const paths = { hosts: '/h', hostname: '/n', resolvConf: '/r', log: '/l', state: '/s' };
  return {
    write: async (sandbox) => {
      world.files.add(sandbox.id);
      return paths;
    },
    paths: () => paths,
    supervisorState: () => world.supervisor,
    remove: async (sandbox) => void world.files.delete(sandbox.id),
  };
}

function fakeProcesses(world: World): ProcessWatcher {
  return {
    startTime: (pid) => world.processes.get(pid)?.startTime,
    watch: (pid, _, ended) => {
      const process = world.processes.get(pid);
      if (process === undefined) ended();
      else process.ended = ended;
      return () => {
        if (process !== undefined) delete process.ended;
      };
    },
    signal: (pid, _, signal) => {
      const process = world.processes.get(pid);
      if (process === undefined) return false;
      process.signal = signal;
      if (signal === 'KILL') {
        world.processes.delete(pid);
        process.ended?.();
      }
      return true;
    },
  };
}

function fakeNames(world: World): NameService {
  const entries = new DuplicateNames(() => {});
  const views = new Map<string, ResolverView>();
  return {
    put: (entry) => {
      world.names.add(entry.endpointId);
      entries.put(entry);
    },
    remove: (id) => {
      world.names.delete(id);
      entries.remove(id);
    },
    setView: (view) => void views.set(view.sandboxId, view),
    open: async (id) => void world.resolvers.add(id),
    openBeside: async (id) => void world.resolvers.add(id),
    openGateway: async (id, address) => void world.gateways.add(`${id} ${address}`),
    closeGateway: (id) => {
      for (const gateway of world.gateways) if (gateway.startsWith(`${id} `)) world.gateways.delete(gateway);
    },
    gatewaysOf: (id) =>
      [...world.gateways]
        .filter((gateway) => gateway.startsWith(`${id} `))
        .map((gateway) => gateway.slice(id.length + 1) as IpAddress),
    query: async (id, { name, type }) => {
      const records = [`${name}. 5 IN ${type} 10.9.0.2`];
      return { status: 'NOERROR', records, source: { kind: 'networks', networks: [id] } };
    },
    visible: (id) => visibleNames(entries, id === undefined ? undefined : views.get(id)),
    statistics: () => world.nameStatistics,
    close: (id) => void world.resolvers.delete(id),
    shutdown: async () => {},
  };
}
