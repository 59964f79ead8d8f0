// The name service: one table for all, and a pair of sockets in every sandbox that asks.
import type { IpAddress } from '../base/cidr.ts';
import type { Log } from '../base/log.ts';
import type { EndpointId, SandboxId } from '../model/ids.ts';
import type { NameEntry, ResolverView } from '../model/name-entry.ts';
import type { ForwardTarget } from './answer.ts';
import { ReplyCache } from './cache.ts';
import type { Upstream } from './exchange.ts';
import { Forwarder } from './forwarder.ts';
import { Listener, type ResolverSockets } from './listener.ts';
import type { NameService } from './name-service.ts';
import { NameTable } from './name-table.ts';
import { openResolverSockets, resolverAddress } from './resolver-sockets.ts';
import { Responder, type Transport } from './responder.ts';
import { followHostUpstreams, type HostUpstreams } from './upstreams.ts';

export interface NameServiceOptions {
  readonly log: Log;
  /** Nameservers in place of the host's; none when absent or empty. */
  readonly upstreams?: readonly IpAddress[];
  /** Where the host's upstreams are read from; `/etc/resolv.conf` when absent. */
  readonly resolvConf?: string;
  /** Read instead when that names only systemd-resolved's stub. */
  readonly stubResolvConf?: string;
  readonly upstreamPort?: number;
  /** Errors: `conflict`, `unavailable`. */
  readonly openSockets?: (namespacePath: string) => Promise<ResolverSockets>;
}

export function createNameService(options: NameServiceOptions): NameService {
  return new Engine(options);
}

interface OpenResolver {
  readonly namespacePath: string;
  readonly listener: Promise<Listener>;
  /** The same once it is there, so that it can be closed at once. */
  opened?: Listener;
}

class Engine implements NameService {
  readonly #log: Log;
  readonly #openSockets: (namespacePath: string) => Promise<ResolverSockets>;
  readonly #table = new NameTable();
  readonly #views = new Map<SandboxId, ResolverView>();
  readonly #resolvers = new Map<SandboxId, OpenResolver>();
  readonly #fixedUpstreams: readonly IpAddress[];
  readonly #hostUpstreams: HostUpstreams;
  readonly #upstreamPort: number;
  readonly #forwarder = new Forwarder({ cache: new ReplyCache() });
  readonly #responder: Responder;

  constructor(options: NameServiceOptions) {
    const { log, resolvConf = '/etc/resolv.conf' } = options;
    const { stubResolvConf = '/run/systemd/resolve/resolv.conf' } = options;
    this.#log = log;
    this.#openSockets = options.openSockets ?? openResolverSockets;
    this.#hostUpstreams = followHostUpstreams({ log, resolvConf, stubResolvConf });
    this.#fixedUpstreams = options.upstreams ?? [];
    this.#upstreamPort = options.upstreamPort ?? 53;
    this.#responder = new Responder({
      table: this.#table,
      forwarder: this.#forwarder,
      upstreamsOf: (target) => this.#upstreamsOf(target),
      log,
    });
  }

  put(entry: NameEntry): void {
    this.#table.upsert(entry);
  }

  remove(endpointId: EndpointId): void {
    this.#table.remove(endpointId);
  }

  setView(view: ResolverView): void {
    this.#views.set(view.sandboxId, view);
  }

  async open(sandboxId: SandboxId, namespacePath: string): Promise<void> {
    const open = this.#resolvers.get(sandboxId);
    if (open?.namespacePath === namespacePath) return void (await open.listener);
    this.#stop(sandboxId);
    const resolver: OpenResolver = { namespacePath, listener: this.#listen(sandboxId, namespacePath) };
    this.#resolvers.set(sandboxId, resolver);
    try {
      resolver.opened = await resolver.listener;
    } catch (error) {
      if (this.#resolvers.get(sandboxId) === resolver) this.#resolvers.delete(sandboxId);
      throw error;
    }
  }

  close(sandboxId: SandboxId): void {
    this.#views.delete(sandboxId);
    this.#stop(sandboxId);
  }

  async shutdown(): Promise<void> {
    const listeners = [...this.#resolvers.values()].map((resolver) => resolver.listener);
    for (const sandboxId of this.#resolvers.keys()) this.close(sandboxId);
    this.#hostUpstreams.close();
    this.#forwarder.close();
    await Promise.allSettled(listeners);
  }

  async #listen(sandboxId: SandboxId, namespacePath: string): Promise<Listener> {
    const sockets = await this.#openSockets(namespacePath);
    const respond = (message: Buffer, transport: Transport) =>
      this.#responder.respond(message, transport, this.#views.get(sandboxId));
    return new Listener(sockets, respond, this.#log);
  }

  /** One still opening is closed as soon as it is open. */
  #stop(sandboxId: SandboxId): void {
    const open = this.#resolvers.get(sandboxId);
    this.#resolvers.delete(sandboxId);
    if (open?.opened !== undefined) open.opened.close();
    else open?.listener.then(closeListener, () => undefined);
  }

  #upstreamsOf(target: ForwardTarget): readonly Upstream[] {
    return (target === 'host' ? this.#ofHost() : target)
      .filter((address) => address !== resolverAddress)
      .map((address) => ({ address, port: this.#upstreamPort }));
  }

  #ofHost(): readonly string[] {
    return this.#fixedUpstreams.length > 0 ? this.#fixedUpstreams : this.#hostUpstreams.addresses;
  }
}

function closeListener(listener: Listener): void {
  listener.close();
}
