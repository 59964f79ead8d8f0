// The name service: one table for all, and a pair of sockets in every sandbox, or at every gateway, that is asked.
import { familyOf, type IpAddress } from '../base/cidr.ts';
import type { Log } from '../base/log.ts';
import type { SocketKeeper } from '../kernel/socket-keeper.ts';
import type { EndpointId, NetworkId, SandboxId } from '../model/ids.ts';
import { type NameEntry, type ResolverView, resolverAddress } from '../model/name-entry.ts';
import { adoptOpened } from './adopt-sockets.ts';
import type { ForwardTarget } from './answer.ts';
import { BesideResolver } from './beside-resolver.ts';
import { ReplyCache } from './cache.ts';
import { type DuplicateName, DuplicateNames } from './duplicate-names.ts';
import type { Upstream } from './exchange.ts';
import { Forwarder } from './forwarder.ts';
import { Gateways } from './gateways.ts';
import { Listener, type ResolverSockets } from './listener.ts';
import { Listeners } from './listeners.ts';
import { lookUp } from './lookup.ts';
import type { NameQuestion, NameService } from './name-service.ts';
import { NameTable } from './name-table.ts';
import { takePrecedence } from './precedence.ts';
import type { Query } from './query.ts';
import { openGatewaySockets, openResolverSockets } from './resolver-sockets.ts';
import { type Forward, Responder } from './responder.ts';
import { LeftCounts, statisticsOf } from './statistics.ts';
import type { UpstreamChange } from './upstream-ranking.ts';
import { followHostUpstreams, type HostUpstreams } from './upstreams.ts';
import { visibleNames } from './visible-names.ts';

export interface NameServiceOptions {
  readonly log: Log;
  /** Nameservers in place of the host's; none when absent or empty. */
  readonly upstreams?: readonly IpAddress[];
  /** Where the host's upstreams are read from; `/etc/resolv.conf` when absent. */
  readonly resolvConf?: string;
  /** Read instead when that names only systemd-resolved's stub. */
  readonly stubResolvConf?: string;
  readonly upstreamPort?: number;
  /** Told of names that two sandboxes claim where somebody sees both. */
  readonly onDuplicate?: (duplicate: DuplicateName) => void;
  /** Told when an upstream begins to fail, or works again. */
  readonly onUpstream?: (change: UpstreamChange) => void;
  /** What keeps sockets for the next daemon; without one they end with this. */
  readonly keeper?: SocketKeeper | undefined;
  /** Errors: `conflict`, `unavailable`. */
  readonly openSockets?: (namespacePath: string) => Promise<ResolverSockets>;
  /** Errors: `conflict`, `unavailable`. */
  readonly openGatewaySockets?: (address: IpAddress) => Promise<ResolverSockets>;
}

export function createNameService(options: NameServiceOptions): NameService {
  return new Engine(options);
}

class Engine implements NameService {
  readonly #log: Log;
  readonly #openSockets: (namespacePath: string) => Promise<ResolverSockets>;
  readonly #table = new NameTable();
  readonly #views = new Map<SandboxId, ResolverView>();
  readonly #resolvers = new Listeners<SandboxId, string>();
  readonly #gateways: Gateways;
  readonly #fixedUpstreams: readonly IpAddress[];
  readonly #hostUpstreams: HostUpstreams;
  readonly #upstreamPort: number;
  readonly #duplicates: DuplicateNames;
  readonly #left = new LeftCounts();
  readonly #cache = new ReplyCache();
  readonly #forwarder: Forwarder;
  readonly #forward: Forward = async (query, target) => {
    return (await this.#forwarder.forward(query, this.#upstreamsOf(target), 'all'))?.reply;
  };
  readonly #responder: Responder;

  constructor(options: NameServiceOptions) {
    const { log, keeper, resolvConf = '/etc/resolv.conf' } = options;
    const { stubResolvConf = '/run/systemd/resolve/resolv.conf' } = options;
    this.#log = log;
    this.#duplicates = new DuplicateNames(options.onDuplicate ?? (() => {}));
    const { onUpstream = () => {} } = options;
    this.#forwarder = new Forwarder({ cache: this.#cache, log, onUpstream });
    this.#openSockets =
      options.openSockets ?? (async (path) => adoptOpened(await openResolverSockets(path, keeper)));
    this.#hostUpstreams = followHostUpstreams({ log, resolvConf, stubResolvConf });
    this.#fixedUpstreams = options.upstreams ?? [];
    this.#upstreamPort = options.upstreamPort ?? 53;
    this.#responder = new Responder({ table: this.#table, forward: this.#forward, log });
    this.#gateways = new Gateways({
      table: this.#table,
      views: this.#views,
      responder: this.#responder,
      openSockets:
        options.openGatewaySockets ??
        (async (address) => adoptOpened(await openGatewaySockets(address, keeper), familyOf(address))),
      log,
    });
  }

  put(entry: NameEntry): void {
    this.#table.upsert(entry);
    this.#duplicates.put(entry);
  }

  remove(endpointId: EndpointId): void {
    this.#table.remove(endpointId);
    this.#duplicates.remove(endpointId);
  }

  setView(view: ResolverView): void {
    this.#views.set(view.sandboxId, view);
    this.#duplicates.setView(view);
  }

  async open(sandboxId: SandboxId, namespacePath: string): Promise<void> {
    const place = `port 53 of ${namespacePath}`;
    await this.#resolvers.open(sandboxId, place, () => this.#listen(sandboxId, namespacePath));
  }

  async openBeside(sandboxId: SandboxId, namespacePath: string): Promise<void> {
    const place = `beside another in ${namespacePath}`;
    await this.#resolvers.open(sandboxId, place, () => this.#listenBeside(sandboxId, namespacePath));
  }

  async openGateway(networkId: NetworkId, address: IpAddress): Promise<void> {
    await this.#gateways.open(networkId, address);
  }

  closeGateway(networkId: NetworkId): void {
    this.#gateways.close(networkId);
  }

  gatewaysOf(networkId: NetworkId): readonly IpAddress[] {
    return this.#gateways.of(networkId);
  }

  close(sandboxId: SandboxId): void {
    this.#views.delete(sandboxId);
    this.#duplicates.removeView(sandboxId);
    this.#left.forget(sandboxId);
    this.#resolvers.close(sandboxId);
  }

  query(sandboxId: SandboxId, question: NameQuestion) {
    const forward = (query: Query, target: ForwardTarget) =>
      this.#forwarder.forward(query, this.#upstreamsOf(target), sandboxId);
    return lookUp(question, this.#views.get(sandboxId), { table: this.#table, forward });
  }

  visible(sandboxId?: SandboxId) {
    if (sandboxId === undefined) return visibleNames(this.#duplicates);
    return visibleNames(this.#duplicates, this.#views.get(sandboxId) ?? { networks: [], links: [] });
  }

  statistics() {
    return statisticsOf({
      thread: { sandboxes: [], networks: [], malformed: 0, overflowed: 0, connections: 0 },
      left: this.#left,
      sandboxOf: () => undefined,
      networkOf: () => undefined,
      upstreams: this.#forwarder.statistics(),
      cache: this.#cache.statistics(),
    });
  }

  async shutdown(): Promise<void> {
    const closed = [this.#resolvers.closeAll(), this.#gateways.closeAll()];
    this.#hostUpstreams.close();
    this.#forwarder.close();
    await Promise.all(closed);
  }

  async #listen(sandboxId: SandboxId, namespacePath: string): Promise<Listener> {
    return new Listener(await this.#openSockets(namespacePath), {
      respond: (message, transport) =>
        this.#responder.respond(message, transport, this.#views.get(sandboxId)),
      log: this.#log,
    });
  }

  async #listenBeside(sandboxId: SandboxId, namespacePath: string): Promise<BesideResolver> {
    const precedence = await takePrecedence(namespacePath);
    const sockets = await adoptOpened({ sockets: precedence.sockets });
    return new BesideResolver(
      { ...precedence, sockets },
      {
        table: this.#table,
        view: () => this.#views.get(sandboxId),
        log: this.#log,
      },
    );
  }

  /** Not those who would ask us: our own resolver, and the gateways we answer at. */
  #upstreamsOf(target: ForwardTarget): readonly Upstream[] {
    return (target === 'host' ? this.#ofHost() : target)
      .filter((address) => address !== resolverAddress && !this.#gateways.listensAt(withoutZone(address)))
      .map((address) => ({ address, port: this.#upstreamPort }));
  }

  #ofHost(): readonly string[] {
    return this.#fixedUpstreams.length > 0 ? this.#fixedUpstreams : this.#hostUpstreams.addresses;
  }
}

function withoutZone(address: string): string {
  return address.split('%', 1)[0] ?? address;
}
