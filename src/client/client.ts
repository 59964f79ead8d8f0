// The daemon's own API as typed calls. Errors of all: NetErrors as the daemon gave them; `unavailable` when it cannot be reached.
import { json, text } from 'node:stream/consumers';
import type { ClusterView } from '../model/cluster-view.ts';
import type { Event } from '../model/event.ts';
import type { NameLookup } from '../model/name-lookup.ts';
import type { NameStatisticsView } from '../model/name-statistics.ts';
import type { Network } from '../model/network.ts';
import type {
  AllowanceView,
  CheckResult,
  EndpointView,
  InspectedNetwork,
  NetworkView,
  PortView,
  SandboxView,
} from '../model/view.ts';
import type { VisibleName } from '../model/visible-name.ts';
import type { WhyRequest, WhyView } from '../model/why.ts';
import type {
  ConnectBody,
  CreateNetworkBody,
  DisconnectBody,
  PolicyBody,
  PublishBody,
  SandboxBody,
  VersionView,
} from '../model/wire.ts';
import { readEvents } from './event-lines.ts';
import { pathOf, type Query, send } from './http.ts';

interface Force {
  readonly force: boolean;
}

export class Client {
  readonly #socket: string;

  /** @param socket path of the socket file. */
  constructor(socket: string) {
    this.#socket = socket;
  }

  version(): Promise<VersionView> {
    return this.#get(['version']);
  }

  /** `filters` are `K=V` each. */
  networks(filters: readonly string[]): Promise<readonly NetworkView[]> {
    return this.#get(['networks'], { filter: filters });
  }

  network(ref: string): Promise<InspectedNetwork> {
    return this.#get(['networks', ref]);
  }

  createNetwork(body: CreateNetworkBody): Promise<Network> {
    return this.#post(['networks'], body);
  }

  deleteNetwork(ref: string, { force }: Force): Promise<void> {
    return this.#delete(['networks', ref], { force });
  }

  pruneNetworks(filters: readonly string[]): Promise<readonly Network[]> {
    return this.#post(['networks', 'prune'], { filters });
  }

  connect(network: string, body: ConnectBody): Promise<EndpointView> {
    return this.#post(['networks', network, 'connect'], body);
  }

  disconnect(network: string, body: DisconnectBody): Promise<void> {
    return this.#tell(['networks', network, 'disconnect'], body);
  }

  sandboxes(filters: readonly string[]): Promise<readonly SandboxView[]> {
    return this.#get(['sandboxes'], { filter: filters });
  }

  sandbox(ref: string): Promise<SandboxView> {
    return this.#get(['sandboxes', ref]);
  }

  createSandbox(body: SandboxBody): Promise<SandboxView> {
    return this.#post(['sandboxes'], body);
  }

  deleteSandbox(ref: string, { force }: Force): Promise<void> {
    return this.#delete(['sandboxes', ref], { force });
  }

  kill(ref: string, signal: string): Promise<void> {
    return this.#tell(['sandboxes', ref, 'kill'], { signal });
  }

  /** Returns when the process has ended. */
  stop(ref: string): Promise<void> {
    return this.#tell(['sandboxes', ref, 'stop'], {});
  }

  /** The output of a detached process, in pieces; with `follow`, until it ends. */
  async *logs(ref: string, { follow }: { readonly follow: boolean }): AsyncGenerator<Buffer> {
    yield* await send(this.#socket, { method: 'GET', path: pathOf(['sandboxes', ref, 'logs'], { follow }) });
  }

  ports(target?: string): Promise<readonly PortView[]> {
    return this.#get(['ports'], { target });
  }

  publish(body: PublishBody): Promise<EndpointView> {
    return this.#post(['ports'], body);
  }

  /** `ports` are `HOSTPORT[-END][/PROTOCOL]` each. */
  unpublish(target: string, ports: readonly string[]): Promise<readonly EndpointView[]> {
    return this.#fetch('DELETE', pathOf(['ports'], { target, port: ports }));
  }

  policies(filters: readonly string[]): Promise<readonly AllowanceView[]> {
    return this.#get(['policies'], { filter: filters });
  }

  policy(ref: string): Promise<AllowanceView> {
    return this.#get(['policies', ref]);
  }

  addPolicy(body: PolicyBody): Promise<AllowanceView> {
    return this.#post(['policies'], body);
  }

  deletePolicy(ref: string): Promise<void> {
    return this.#delete(['policies', ref], {});
  }

  /** Kept events from `since` (milliseconds since 1970) on, then new ones, until the daemon stops. */
  async *events(query: {
    readonly since?: number | undefined;
    readonly filters: readonly string[];
  }): AsyncGenerator<Event> {
    const path = pathOf(['events'], { since: query.since, filter: query.filters });
    yield* readEvents(await send(this.#socket, { method: 'GET', path }));
  }

  cluster(): Promise<ClusterView> {
    return this.#get(['cluster']);
  }

  check({ fix }: { readonly fix: boolean }): Promise<CheckResult> {
    return this.#fetch(fix ? 'POST' : 'GET', pathOf(['check']));
  }

  /** `type` as in `AAAA`; A when absent. */
  lookUpName(from: string, name: string, type?: string): Promise<NameLookup> {
    return this.#get(['dns', 'query'], { from, name, type });
  }

  /** Those a sandbox sees, or all. */
  names(from: string | undefined, filters: readonly string[]): Promise<readonly VisibleName[]> {
    return this.#get(['dns', 'names'], { from, filter: filters });
  }

  /** Of these sandboxes and networks, or of all. */
  nameStatistics(of: readonly string[]): Promise<NameStatisticsView> {
    return this.#get(['dns', 'stats'], { of });
  }

  why({ from, to, probe = false }: WhyRequest): Promise<WhyView> {
    return this.#get(['why'], { from, to, ...(probe && { probe: 'true' }) });
  }

  #get<T>(words: readonly string[], query?: Query): Promise<T> {
    return this.#fetch('GET', pathOf(words, query));
  }

  #post<T>(words: readonly string[], body: object): Promise<T> {
    return this.#fetch('POST', pathOf(words), body);
  }

  async #tell(words: readonly string[], body: object): Promise<void> {
    await text(await send(this.#socket, { method: 'POST', path: pathOf(words), body }));
  }

  async #delete(words: readonly string[], query: Query): Promise<void> {
    await text(await send(this.#socket, { method: 'DELETE', path: pathOf(words, query) }));
  }

  async #fetch<T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<T> {
    const answer = await send(this.#socket, { method, path, ...(body !== undefined && { body }) });
    return (await json(answer)) as T;
  }
}
