// The name service: one table for all, and a pair of sockets in every sandbox, or at every gateway, that is asked.
import type { IpAddress } from '../base/cidr.ts';
import type { Log } from '../base/log.ts';
import type { ListenerRole } from '../kernel/name-server.ts';
import type { SocketKeeper } from '../kernel/socket-keeper.ts';
import type { EndpointId, NetworkId, SandboxId } from '../model/ids.ts';
import type { NameEntry, ResolverView } from '../model/name-entry.ts';
import { BesideResolver } from './beside-resolver.ts';
import { ReplyCache } from './forwarding/cache.ts';
import { Destinations } from './forwarding/destinations.ts';
import { Forwarder } from './forwarding/forwarder.ts';
import type { UpstreamChange } from './forwarding/upstream-ranking.ts';
import { followHostUpstreams, type HostUpstreams } from './forwarding/upstreams.ts';
import { Gateways } from './gateways.ts';
import { Listeners, type Opened } from './listeners.ts';
import { lookUp } from './lookup.ts';
import type { Query } from './message/query.ts';
import { loopbackPayloadBytes } from './message/reply.ts';
import type { NameQuestion, NameService } from './name-service.ts';
import { type DuplicateName, DuplicateNames } from './names/duplicate-names.ts';
import { Mirror } from './names/mirror.ts';
import { NameTable } from './names/name-table.ts';
import { Views } from './names/views.ts';
import { visibleNames } from './names/visible-names.ts';
import { type Forward, Responder } from './responder.ts';
import { takePrecedence } from './sockets/precedence.ts';
import { type OpenedSockets, openGatewaySockets, openResolverSockets } from './sockets/resolver-sockets.ts';
import { LeftCounts, statisticsOf } from './statistics.ts';
import { type Respond, type ThreadListener, ThreadListeners } from './thread-listeners.ts';

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
  readonly openSockets?: (namespacePath: string) => Promise<OpenedSockets>;
  /** Errors: `conflict`, `unavailable`. */
  readonly openGatewaySockets?: (address: IpAddress) => Promise<OpenedSockets>;
}

export function createNameService(options: NameServiceOptions): NameService {
  return new Engine(options);
}

/** All connections are of the one sandbox. */
const sandboxLimits = { datagramBytes: loopbackPayloadBytes, connectionsMax: 64 };

class Engine implements NameService {
  readonly #log: Log;
  readonly #openSockets: (namespacePath: string) => Promise<OpenedSockets>;
  readonly #table = new NameTable();
  readonly #thread = new ThreadListeners();
  readonly #mirror = new Mirror((changes) => this.#thread.apply(changes));
  readonly #views = new Views(this.#mirror, (view) => this.#destinations.placeOf(view));
  /** At paths of namespaces. */
  readonly #resolvers = new Listeners<SandboxId, string>();
  /** Of those who have a resolver before that of their engine. */
  readonly #beside = new Map<SandboxId, BesideResolver>();
  readonly #gateways: Gateways;
  readonly #hostUpstreams: HostUpstreams;
  readonly #destinations: Destinations;
  readonly #duplicates: DuplicateNames;
  readonly #left = new LeftCounts((sandboxId) => this.#views.get(sandboxId) !== undefined);
  readonly #cache = new ReplyCache();
  readonly #forwarder: Forwarder;
  readonly #forward: Forward = (query, view) =>
    this.#forwarder.forward(query, this.#destinations.of(view), view.sandboxId ?? 'host');
  readonly #responder: Responder;

  constructor(options: NameServiceOptions) {
    const { log, keeper, resolvConf = '/etc/resolv.conf', upstreams: fixed = [] } = options;
    const { stubResolvConf = '/run/systemd/resolve/resolv.conf' } = options;
    this.#log = log;
    this.#openSockets = options.openSockets ?? ((path) => openResolverSockets(path, keeper));
    this.#hostUpstreams = followHostUpstreams({
      log,
      resolvConf,
      stubResolvConf,
      onChange: () => this.#views.refresh(),
    });
    this.#destinations = new Destinations({
      host: () => (fixed.length > 0 ? fixed : this.#hostUpstreams.addresses),
      port: options.upstreamPort ?? 53,
      isOurs: (address) => this.#gateways.listensAt(address),
    });
    const { onUpstream = () => {}, onDuplicate = () => {} } = options;
    this.#duplicates = new DuplicateNames(onDuplicate);
    this.#forwarder = new Forwarder({ cache: this.#cache, log, onUpstream });
    this.#responder = new Responder({
      table: this.#table,
      forward: this.#forward,
      counts: this.#left,
      log,
    });
    this.#gateways = new Gateways({
      table: this.#table,
      views: this.#views,
      responder: this.#responder,
      listeners: this.#thread,
      networks: this.#mirror.networks,
      openSockets: options.openGatewaySockets ?? ((address) => openGatewaySockets(address, keeper)),
      onChange: (address) => this.#views.refresh((view) => this.#destinations.names(view, address)),
    });
  }

  put(entry: NameEntry): void {
    this.#table.upsert(entry);
    this.#mirror.put(entry);
    this.#duplicates.put(entry);
  }

  remove(endpointId: EndpointId): void {
    this.#table.remove(endpointId);
    this.#mirror.remove(endpointId);
    this.#duplicates.remove(endpointId);
  }

  setView(view: ResolverView): void {
    this.#views.set(view);
    this.#duplicates.setView(view);
  }

  async open(sandboxId: SandboxId, namespacePath: string): Promise<void> {
    await this.#resolvers.open(sandboxId, namespacePath, () => this.#listen(sandboxId, namespacePath));
  }

  async openBeside(sandboxId: SandboxId, namespacePath: string): Promise<void> {
    const listen = () => this.#listenBeside(sandboxId, namespacePath);
    await this.#resolvers.open(sandboxId, namespacePath, listen, 'beside');
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
    this.#forwarder.forget(sandboxId);
  }

  query(sandboxId: SandboxId, question: NameQuestion) {
    const known = this.#views.get(sandboxId);
    const beside = this.#beside.get(sandboxId);
    const view = known && beside ? { ...known, forwarding: 'host' as const } : known;
    const ask = beside?.forward ?? this.#forward;
    const forward = async (query: Query) => view && ask(query, view);
    return lookUp(question, view, { table: this.#table, forward });
  }

  visible(sandboxId?: SandboxId) {
    if (sandboxId === undefined) return visibleNames(this.#duplicates);
    return visibleNames(this.#duplicates, this.#views.get(sandboxId) ?? { networks: [], links: [] });
  }

  statistics() {
    return statisticsOf({
      thread: this.#thread.counts(),
      left: this.#left,
      sandboxOf: (number) => this.#mirror.sandboxes.idOf(number),
      networkOf: (number) => this.#mirror.networks.idOf(number),
      upstreams: this.#forwarder.statistics(),
      cache: this.#cache.statistics(),
    });
  }

  async shutdown(): Promise<void> {
    const closed = [this.#resolvers.closeAll(), this.#gateways.closeAll()];
    this.#hostUpstreams.close();
    this.#forwarder.close();
    await Promise.all(closed);
    this.#thread.stop();
  }

  async #listen(sandboxId: SandboxId, namespacePath: string): Promise<Opened> {
    const opened = await this.#openSockets(namespacePath);
    return this.#serve(sandboxId, opened, false, (message, transport) =>
      this.#responder.respond(message, transport, this.#views.get(sandboxId)),
    );
  }

  async #listenBeside(sandboxId: SandboxId, namespacePath: string): Promise<Opened> {
    const { sockets, release, ...precedence } = await takePrecedence(namespacePath);
    const beside = new BesideResolver(precedence, {
      table: this.#table,
      counts: this.#left,
      view: () => this.#views.get(sandboxId),
      listen: (respond) => this.#serve(sandboxId, { sockets, release }, true, respond),
      log: this.#log,
    });
    this.#beside.set(sandboxId, beside);
    return {
      close: () => {
        if (this.#beside.get(sandboxId) === beside) this.#beside.delete(sandboxId);
        return beside.close();
      },
    };
  }

  #serve(
    sandboxId: SandboxId,
    opened: OpenedSockets,
    unknownIsElsewhere: boolean,
    respond: Respond,
  ): ThreadListener {
    const { sandboxes } = this.#mirror;
    const role: ListenerRole = { sandbox: sandboxes.take(sandboxId), unknownIsElsewhere };
    const release = async () => {
      sandboxes.drop(sandboxId);
      await opened.release?.();
    };
    return this.#thread.listen({ ...opened, release }, { role, limits: sandboxLimits, respond });
  }
}
