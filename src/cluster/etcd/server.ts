// One member of etcd as the store uses it: a connection and a stream of watches, both made when they are needed.
import { Connection, type TlsFiles } from './connection.ts';
import { type EtcdAddress, etcdUrl } from './etcd-url.ts';
import type { Calls } from './protocol.ts';
import { isSilent, noConnection, RpcError, status } from './rpc-error.ts';
import type { Watch } from './watch.ts';
import { WatchStream } from './watch-stream.ts';

const connectMs = 1_500;
const timeoutMs = 3_000;

export class Server {
  readonly url: string;
  /** What it failed of last, until it answers. */
  failure: string | undefined;
  readonly #address: EtcdAddress;
  readonly #tls: TlsFiles | undefined;
  #connection: Connection | undefined;
  readonly #streams = new Set<WatchStream>();
  /** The one that takes more watches. */
  #newest: WatchStream | undefined;
  #isClosed = false;

  /** @param tls undefined: none. */
  constructor(address: EtcdAddress, tls: TlsFiles | undefined) {
    this.url = etcdUrl(address, tls !== undefined);
    this.#address = address;
    this.#tls = tls;
  }

  /** Errors: `RpcError`. */
  ask<M extends keyof Calls>(
    method: M,
    request: Calls[M]['request'],
    token: string | undefined,
  ): Promise<Calls[M]['response']> {
    return this.#connected((connection) => connection.ask(method, request, { token, connectMs, timeoutMs }));
  }

  /**
   * On one stream with others. Resolves when the member watches. `onFailure` is told of what ends the stream this may open.
   * Errors: `RpcError`.
   */
  watch(watch: Watch, token: string | undefined, onFailure: (error: RpcError) => void): Promise<void> {
    return this.#connected(async (connection) => {
      await connection.ready(connectMs);
      if (watch.ended) return;
      if (this.#connection !== connection) throw new RpcError(status.cancelled, `${noConnection} any more`);
      this.#newest ??= this.#openStream(connection, token, onFailure);
      await this.#newest.add(watch);
    });
  }

  close(): void {
    this.#isClosed = true;
    for (const stream of this.#streams) stream.close();
    this.#connection?.close();
    this.#connection = undefined;
  }

  /** A connection that is silent is used no more: a new one is not held up by how long the way was broken. */
  async #connected<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new RpcError(status.cancelled, `${noConnection} any more`);
    this.#connection ??= new Connection(this.#address, this.#tls);
    const connection = this.#connection;
    try {
      return await work(connection);
    } catch (error) {
      if (error instanceof RpcError && isSilent(error)) this.#leave(connection);
      throw error;
    }
  }

  /** Watches on it go on until they are found to be silent as well. */
  #leave(connection: Connection): void {
    if (this.#connection !== connection) return;
    connection.close();
    this.#connection = undefined;
    this.#newest = undefined;
  }

  #openStream(connection: Connection, token: string | undefined, onFailure: (error: RpcError) => void) {
    const retire = () => {
      if (this.#newest === stream) this.#newest = undefined;
    };
    const stream: WatchStream = new WatchStream((listener) => connection.open('watch', token, listener), {
      closed: (error) => {
        retire();
        this.#streams.delete(stream);
        if (error === undefined) return;
        if (isSilent(error)) this.#leave(connection);
        onFailure(error);
      },
      // The token is the stream's: with another one, it takes another stream.
      refused: retire,
    });
    this.#streams.add(stream);
    return stream;
  }
}
