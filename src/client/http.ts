// HTTP over the daemon's unix socket; refusals become NetErrors again.
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { type ErrorCode, NetError } from '../base/errors.ts';
import type { ErrorBody } from '../model/wire.ts';

export interface Call {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** With query, as it goes into the request line. */
  readonly path: string;
  readonly body?: object;
}

/**
 * Sends one request and returns the body of the answer, in pieces, once its head is there and says success.
 * Errors, also while reading: `unavailable` when nothing answers or the connection is lost; whatever the daemon refused with.
 */
export async function send(socketPath: string, call: Call): Promise<AsyncGenerator<Buffer>> {
  const answer = await exchange(socketPath, call);
  const body = receive(socketPath, answer);
  if ((answer.statusCode ?? 0) < 400) return body;
  throw refusal(answer.statusCode ?? 0, await text(body));
}

/** The path of a request: words are encoded one by one, absent query values left out. */
export function pathOf(words: readonly string[], query: Query = {}): string {
  const pairs = Object.entries(query).flatMap(([key, value]) =>
    [value ?? []].flat().map((one): [string, string] => [key, String(one)]),
  );
  const path = `/fairlead/v1/${words.map(encodeURIComponent).join('/')}`;
  return pairs.length === 0 ? path : `${path}?${new URLSearchParams(pairs)}`;
}

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

function exchange(socketPath: string, { method, path, body }: Call): Promise<IncomingMessage> {
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const headers =
    payload === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) };
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method, path, headers, agent: false }, resolve);
    outgoing.once('error', (error: NodeJS.ErrnoException) => reject(unreachable(socketPath, error)));
    outgoing.end(payload);
  });
}

async function* receive(socketPath: string, answer: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    yield* answer;
  } catch (error) {
    throw new NetError('unavailable', `the connection to netd at unix://${socketPath} was lost`, {
      cause: error,
    });
  }
}

function unreachable(socketPath: string, error: NodeJS.ErrnoException): NetError {
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'no such socket; is netd running?',
    ECONNREFUSED: 'nothing listens there; is netd running?',
    EACCES: 'permission denied; it is open to root and the group fairlead',
    ECONNRESET: 'the connection was cut before an answer came',
  };
  const reason = reasons[error.code ?? ''] ?? error.message;
  return new NetError('unavailable', `cannot reach netd at unix://${socketPath}: ${reason}`, {
    cause: error,
  });
}

function refusal(status: number, body: string): NetError {
  const { message, code } = parseErrorBody(body);
  if (message === undefined || code === undefined) {
    return new NetError('internal', `the daemon answered with status ${status} and no reason`);
  }
  return new NetError(code as ErrorCode, message);
}

function parseErrorBody(body: string): Partial<ErrorBody> {
  try {
    return JSON.parse(body) as Partial<ErrorBody>;
  } catch {
    return {};
  }
}
