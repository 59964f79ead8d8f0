// The members of etcd, one of them in use: a call that one does not answer turns to the next, where that can do no harm.
import { NetError } from '../../base/errors.ts';
import type { TlsFiles } from './connection.ts';
import type { EtcdPlace } from './etcd-url.ts';
import type { Calls } from './protocol.ts';
import {
  isElection,
  isTokenRefused,
  isUnreachable,
  isWithoutUsers,
  RpcError,
  reasonOf,
  status,
  toStoreError,
} from './rpc-error.ts';
import { Server } from './server.ts';
import type { Watch } from './watch.ts';

/** The files are of use with TLS alone. */
export interface EtcdOptions extends EtcdPlace, TlsFiles {
  /** For the log: a member that fails, once until it answers again. */
  readonly onError: (message: string) => void;
}

interface Intent {
  /** As it goes on after "cannot". */
  readonly action: string;
  /** Doing it twice is the same as doing it once. Otherwise it is repeated only when it was not sent for sure. */
  readonly repeatable: boolean;
}

/** How long it is tried again while the members have no leader. */
const electionMs = 3_000;
const shortestPauseMs = 100;

export class Servers {
  readonly #servers: readonly Server[];
  readonly #user: EtcdPlace['user'];
  readonly #onError: (message: string) => void;
  #inUse = 0;
  #closed = false;
  /** Empty while etcd has no users. */
  #token: Promise<string> | undefined;

  constructor(options: EtcdOptions) {
    const files = options.tls ? options : undefined;
    this.#servers = options.addresses.map((address) => new Server(address, files));
    this.#user = options.user;
    this.#onError = options.onError;
  }

  /** The one in use first. */
  get urls(): readonly string[] {
    const urls = this.#servers.map(({ url }) => url);
    return [...urls.slice(this.#inUse), ...urls.slice(0, this.#inUse)];
  }

  /** Errors: what `toStoreError` makes of the last member's; `RpcError` where etcd does not keep the revision asked for. */
  ask<M extends keyof Calls>(
    method: M,
    request: Calls[M]['request'],
    intent: Intent,
  ): Promise<Calls[M]['response']> {
    return this.#tryEach(intent, (server, token) => server.ask(method, request, token));
  }

  /** Resolves when a member watches: from then on the watch is told of its end. Errors: as of `ask`. */
  watch(watch: Watch): Promise<void> {
    const intent = { action: `watch ${watch.prefix}`, repeatable: true };
    return this.#tryEach(intent, (server, token) =>
      server.watch(watch, token, (error) => {
        if (isUnreachable(error)) this.#turnFrom(server, error);
      }),
    );
  }

  close(): void {
    this.#closed = true;
    for (const server of this.#servers) server.close();
  }

  async #tryEach<T>(intent: Intent, work: (server: Server, token?: string) => Promise<T>): Promise<T> {
    const giveUpAt = performance.now() + electionMs;
    for (let tries = 1; ; tries++) {
      const server = this.#current();
      try {
        const result = await this.#withToken(server, work);
        server.failure = undefined;
        return result;
      } catch (error) {
        if (!(error instanceof RpcError)) throw error;
        if (isUnreachable(error)) this.#turnFrom(server, error);
        const isRoundOver = tries % this.#servers.length === 0;
        const isElected = !isElection(error) || performance.now() > giveUpAt;
        const isHopeless = !isUnreachable(error) || (isRoundOver && isElected);
        if (isHopeless || (error.sent && !intent.repeatable)) throw this.#told(error, server, intent);
        if (isRoundOver) await pause(shortestPauseMs * (1 + Math.random()));
      }
    }
  }

  /** Once more where the token is no longer good: then nothing was done. */
  async #withToken<T>(server: Server, work: (server: Server, token?: string) => Promise<T>): Promise<T> {
    if (this.#user === undefined) return work(server);
    const token = this.#tokenFrom(server);
    try {
      return await work(server, await token);
    } catch (error) {
      if (!(error instanceof RpcError && isTokenRefused(error))) throw error;
      if (this.#token === token) this.#token = undefined;
      return work(server, await this.#tokenFrom(server));
    }
  }

  #tokenFrom(server: Server): Promise<string> {
    this.#token ??= this.#authenticate(server);
    return this.#token;
  }

  async #authenticate(server: Server): Promise<string> {
    const { name, password } = this.#user ?? { name: '', password: '' };
    try {
      const { token } = await server.ask('authenticate', { name, password }, undefined);
      return token;
    } catch (error) {
      if (error instanceof RpcError && isWithoutUsers(error)) return '';
      this.#token = undefined;
      // What waits for the token was not sent.
      throw error instanceof RpcError ? new RpcError(error.status, error.message, false) : error;
    }
  }

  #current(): Server {
    const server = this.#servers[this.#inUse];
    if (this.#closed || server === undefined)
      throw new NetError('unavailable', 'the connection to etcd is closed');
    return server;
  }

  #turnFrom(server: Server, error: RpcError): void {
    const reason = reasonOf(error);
    if (server.failure === undefined && !this.#closed) this.#onError(`etcd at ${server.url}: ${reason}`);
    server.failure = reason;
    if (this.#servers[this.#inUse] === server) this.#inUse = (this.#inUse + 1) % this.#servers.length;
  }

  #told(error: RpcError, server: Server, { action }: Intent): Error {
    if (error.status === status.outOfRange) return error;
    return toStoreError(error, { url: server.url, action, user: this.#user?.name });
  }
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
