// Docker's Engine API over its unix socket: what there is, and what happens. Paths go without a version: each dockerd takes
// those for its own newest one, while one it does not speak any more is refused.
import { type IncomingMessage, request } from 'node:http';
import { NetError } from '../base/errors.ts';
import { boundedLines } from './bounded-lines.ts';
import {
  type DockerContainer,
  type DockerEvent,
  type DockerNetwork,
  type ListedContainer,
  parseJson,
  readContainer,
  readContainers,
  readEvent,
  readNetworks,
} from './docker-answers.ts';

const timeoutMs = 10_000;
const longestAnswerBytes = 64 * 1024 * 1024;
/** An event carries the labels of its container. */
const longestEventBytes = 1024 * 1024;

const followed = {
  type: { network: true, container: true },
  event: { create: true, connect: true, rename: true },
};

interface Call {
  /** Rejects with NetErrors. */
  readonly answer: Promise<IncomingMessage>;
  cut(error: NetError): void;
}

/** Errors of every call: `unavailable`, when Docker does not answer, or not as it should. */
export class DockerApi {
  readonly #socketPath: string;
  readonly #calls = new Set<Call>();
  #isClosed = false;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  async networks(): Promise<readonly DockerNetwork[]> {
    return readNetworks(await this.#ask('/networks'));
  }

  /** Stopped ones too. Docker does not wait for what it is doing with them. */
  async containers(): Promise<readonly ListedContainer[]> {
    return readContainers(await this.#ask('/containers/json?all=1'));
  }

  /** By name or id. Docker answers when what it is doing with it is done. Errors: `not_found`. */
  async container(ref: string): Promise<DockerContainer> {
    return readContainer(await this.#ask(`/containers/${encodeURIComponent(ref)}/json`));
  }

  /** What happens to names from now on; `unreadable` for what may have been any event. Ends when Docker does. */
  async events(): Promise<AsyncGenerator<DockerEvent | 'unreadable'>> {
    // Docker's head comes before it has begun to listen: what happened since is asked for too.
    const since = Math.floor(Date.now() / 1000) - 1;
    const filters = encodeURIComponent(JSON.stringify(followed));
    const call = this.#send(`/events?since=${since}&filters=${filters}`);
    const answer = await this.#within(call, call.answer);
    if (answer.statusCode !== 200) throw await this.#within(call, this.#refusal(answer));
    return this.#events(answer);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Cuts short what is being asked and what is being listened to; from now on every call fails. */
  close(): void {
    this.#isClosed = true;
    for (const call of this.#calls) call.cut(this.#failure('it was given up'));
  }

  async *#events(answer: IncomingMessage): AsyncGenerator<DockerEvent | 'unreadable'> {
    try {
      for await (const line of boundedLines(answer, longestEventBytes)) {
        if (line !== '') yield line === undefined ? 'unreadable' : eventOf(line);
      }
    } catch (error) {
      throw this.#asFailure(error);
    }
  }

  async #ask(path: string): Promise<unknown> {
    const call = this.#send(path);
    return this.#within(
      call,
      call.answer.then(async (answer) => {
        if (answer.statusCode !== 200) throw await this.#refusal(answer);
        return parseJson(await this.#text(answer));
      }),
    );
  }

  async #within<T>(call: Call, work: Promise<T>): Promise<T> {
    const late = () => call.cut(this.#failure(`no answer within ${timeoutMs / 1000} s`));
    const timer = setTimeout(late, timeoutMs);
    try {
      return await work;
    } finally {
      clearTimeout(timer);
    }
  }

  #send(path: string): Call {
    const outgoing = request({
      socketPath: this.#socketPath,
      path,
      headers: { host: 'docker' },
      agent: false,
    });
    let incoming: IncomingMessage | undefined;
    const call = {
      answer: new Promise<IncomingMessage>((resolve, reject) => {
        outgoing.on('error', (error) => reject(this.#asFailure(error)));
        outgoing.on('response', (answer) => {
          incoming = answer;
          resolve(answer);
        });
      }),
      cut: (error: NetError) => void (incoming ?? outgoing).destroy(error),
    };
    this.#calls.add(call);
    outgoing.once('close', () => this.#calls.delete(call)).end();
    if (this.#isClosed) call.cut(this.#failure('it was given up'));
    return call;
  }

  async #text(answer: IncomingMessage): Promise<string> {
    const chunks: Buffer[] = [];
    let length = 0;
    try {
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        length += chunk.length;
        if (length > longestAnswerBytes) throw this.#failure(`an answer of over ${longestAnswerBytes} bytes`);
        chunks.push(chunk);
      }
    } catch (error) {
      throw this.#asFailure(error);
    }
    return Buffer.concat(chunks).toString();
  }

  async #refusal(answer: IncomingMessage): Promise<NetError> {
    const text = (await this.#text(answer)).trim().slice(0, 200);
    if (answer.statusCode === 404) return new NetError('not_found', `Docker knows no such thing: ${text}`);
    return this.#failure(`status ${answer.statusCode}: ${text}`);
  }

  #asFailure(error: unknown): NetError {
    if (error instanceof NetError) return error;
    const { code, message } = error as NodeJS.ErrnoException;
    const reasons: Readonly<Record<string, string>> = {
      ENOENT: 'no such socket; is dockerd running?',
      ECONNREFUSED: 'nothing listens there; is dockerd running?',
      ECONNRESET: 'the connection was cut',
    };
    return this.#failure(reasons[code ?? ''] ?? message, { cause: error });
  }

  #failure(reason: string, options?: ErrorOptions): NetError {
    return new NetError('unavailable', `cannot ask Docker at unix://${this.#socketPath}: ${reason}`, options);
  }
}

function eventOf(line: string): DockerEvent | 'unreadable' {
  try {
    return readEvent(line);
  } catch {
    return 'unreadable';
  }
}
