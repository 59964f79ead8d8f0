// One connection to one member of etcd, and the only place that knows gRPC. Nothing is repeated here.
import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import {
  type ChannelCredentials,
  Client,
  type ClientDuplexStream,
  connectivityState,
  credentials,
  logVerbosity,
  Metadata,
  type ServiceError,
  setLogVerbosity,
} from '@grpc/grpc-js';
import { fromJSON, type MethodDefinition, type ServiceDefinition } from '@grpc/proto-loader';
import { NetError } from '../../base/errors.ts';
import type { EtcdAddress } from './etcd-url.ts';
import { type Calls, methods, protocol } from './protocol.ts';
import { noConnection, RpcError, status } from './rpc-error.ts';

/** All of PEM. */
export interface TlsFiles {
  /** Default: those Node trusts. */
  readonly ca?: Buffer;
  /** Of this client: both or none. */
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

type Method = keyof Calls;

export interface StreamListener<Response> {
  data(response: Response): void;
  /** Once, and never after `cancel`. */
  end(error: RpcError): void;
}

export interface Stream<Request> {
  send(request: Request): void;
  cancel(): void;
}

/** Whatever is done, etcd refuses it where most members cannot be reached, instead of letting it wait. */
const leaderMetadata = ['hasleader', 'true'] as const;

/**
 * Etcd takes pings closer than 5 s for an attack. Whole channels are ours, so that stores do not share what others close. Events
 * come in messages of any size; 4 MB, the default, would end a watch that has much to catch up on.
 */
const channelOptions = {
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 3_000,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 2_000,
  'grpc.max_receive_message_length': 64 * 1024 * 1024,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
  'grpc.enable_http_proxy': 0,
  'grpc.enable_channelz': 0,
  'grpc.service_config_disable_resolution': 1,
};

const definition = fromJSON(protocol as Parameters<typeof fromJSON>[0], { longs: String, defaults: true });
// What goes wrong is told by the calls; it would write it to the console besides.
setLogVerbosity(logVerbosity.NONE);

/** Errors: `invalid_parameter`. */
export function checkTlsFiles(files: TlsFiles): void {
  credentialsFor('any host', files);
}

export class Connection {
  readonly #client: Client;
  #isClosed = false;

  /** Begins to connect with the first call. Errors: as of `checkTlsFiles`. */
  constructor(address: EtcdAddress, tls: TlsFiles | undefined) {
    const isName = isIP(address.host) === 0;
    const options = tls && !isName ? { ...channelOptions, ...namedForTls } : channelOptions;
    this.#client = new Client(targetOf(address), credentialsFor(address.host, tls), options);
  }

  /** One request, one answer; `timeoutMs` counts from when there is a connection. Errors: `RpcError`. */
  async ask<M extends Method>(
    method: M,
    request: Calls[M]['request'],
    options: { readonly token?: string | undefined; readonly connectMs: number; readonly timeoutMs: number },
  ): Promise<Calls[M]['response']> {
    await this.ready(options.connectMs);
    if (this.#isClosed) throw new RpcError(status.cancelled, `${noConnection} any more`);
    const { path, requestSerialize, responseDeserialize, responseStream } = definitionOf(method);
    const deadline = Date.now() + options.timeoutMs;
    const metadata = metadataWith(options.token);
    return new Promise((resolve, reject) => {
      const fail = (error: ServiceError) => reject(toRpcError(error));
      if (!responseStream) {
        const done = (error: ServiceError | null, response?: object) =>
          error ? fail(error) : resolve(response as never);
        this.#client.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          request,
          metadata,
          { deadline },
          done,
        );
        return;
      }
      const stream = this.#client.makeBidiStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        metadata,
        { deadline },
      );
      stream.on('error', fail);
      stream.on('end', () => reject(new RpcError(status.unavailable, 'the stream ended without an answer')));
      stream.on('data', resolve);
      stream.end(request);
    });
  }

  /** Errors: none; a stream that cannot be made ends. */
  open<M extends Method>(
    method: M,
    token: string | undefined,
    listener: StreamListener<Calls[M]['response']>,
  ): Stream<Calls[M]['request']> {
    const { path, requestSerialize, responseDeserialize } = definitionOf(method);
    const stream: ClientDuplexStream<object, object> = this.#client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      metadataWith(token),
    );
    let ended = false;
    const end = (error: RpcError) => {
      if (ended) return;
      ended = true;
      listener.end(error);
    };
    stream.on('data', (response: object) => ended || listener.data(response as never));
    stream.on('error', (error: ServiceError) => end(toRpcError(error)));
    stream.on('end', () => end(new RpcError(status.unavailable, 'the stream ended')));
    return {
      send: (request) => void stream.write(request),
      cancel() {
        ended = true;
        stream.cancel();
      },
    };
  }

  /**
   * Resolves when a call would be sent, or fail at once with the reason. So that a call which was not sent is told from one whose
   * outcome is unknown. Errors: `RpcError`.
   */
  ready(timeoutMs: number): Promise<void> {
    const channel = this.#client.getChannel();
    const deadline = Date.now() + timeoutMs;
    return new Promise((resolve, reject) => {
      const fail = (why: string) => reject(new RpcError(status.deadlineExceeded, `${noConnection} ${why}`));
      const look = () => {
        const state = channel.getConnectivityState(true);
        if (state === connectivityState.SHUTDOWN) fail('any more');
        else if (state === connectivityState.READY || state === connectivityState.TRANSIENT_FAILURE)
          resolve();
        else {
          const looked = (late?: Error) => (late ? fail(`within ${timeoutMs} ms`) : look());
          channel.watchConnectivityState(state, deadline, looked);
        }
      };
      look();
    });
  }

  /** What is under way goes on. */
  close(): void {
    this.#isClosed = true;
    this.#client.close();
  }
}

/** An address is no name for TLS (RFC 6066, 3): Node warns of it. The certificate is held to the address all the same. */
const namedForTls = { 'grpc.ssl_target_name_override': 'etcd' };

function credentialsFor(host: string, tls: TlsFiles | undefined): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  const { ca = null, key = null, cert = null } = tls;
  try {
    return credentials.createSsl(ca, key, cert, {
      checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
    });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new NetError(
      'invalid_parameter',
      `the certificates or the key for etcd cannot be used: ${reason}`,
      { cause },
    );
  }
}

function targetOf({ host, port }: EtcdAddress): string {
  const version = isIP(host);
  if (version === 0) return `dns:${host}:${port}`;
  return version === 4 ? `ipv4:${host}:${port}` : `ipv6:[${host}]:${port}`;
}

function definitionOf(method: Method): MethodDefinition<object, object> {
  const [, service = '', name = ''] = /^(.*)\.(\w+)$/.exec(methods[method]) ?? [];
  const found = (definition[service] as ServiceDefinition | undefined)?.[name];
  if (found === undefined) throw new Error(`${methods[method]} is not described`);
  return found;
}

function metadataWith(token: string | undefined): Metadata {
  const metadata = new Metadata();
  metadata.set(...leaderMetadata);
  if (token) metadata.set('token', token);
  return metadata;
}

function toRpcError({ code, details, message }: ServiceError): RpcError {
  if (code === status.deadlineExceeded) return new RpcError(code, 'no answer in time');
  return new RpcError(code ?? status.unknown, details || message);
}
