// Requests of dockerd from test/captures/docker, to be sent again to somebody who makes up ids and addresses of his own.
import { readFileSync } from 'node:fs';

export interface CapturedRequest {
  /** The command that led to it. */
  readonly command: string;
  /** `/NetworkDriver.Join` */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** To the letter. */
  readonly body: string;
  /** What it was answered then. */
  readonly answer: Readonly<Record<string, unknown>>;
}

const directory = new URL('../captures/docker/', import.meta.url);

export function readDockerCapture(file: string): readonly CapturedRequest[] {
  const requests: CapturedRequest[] = [];
  let command = '';
  for (const line of readFileSync(new URL(file, directory), 'utf8').trimEnd().split('\n')) {
    const { mark, about, ...request } = JSON.parse(line);
    if (mark !== undefined) command = mark;
    if (request.path !== undefined) requests.push({ command, ...request });
  }
  return requests;
}

/** Keeps what stands for what: the names in the capture for those that are answered now. */
export class Translation {
  readonly #words = new Map([
    ['mocklocal', 'fairlead-local'],
    ['mockglobal', 'fairlead-global'],
  ]);

  /** The body to send now; texts that are not known stay as they are. */
  bodyOf({ body }: CapturedRequest): string {
    return body.replaceAll(/"([^"\\]*)"/g, (quoted, text) => {
      const word = this.#words.get(text);
      return word === undefined ? quoted : JSON.stringify(word);
    });
  }

  /** From now on the ids, subnets and addresses answered then are those answered now. */
  learn({ answer }: CapturedRequest, now: Readonly<Record<string, unknown>>): void {
    for (const key of ['PoolID', 'Pool', 'Address']) {
      const [from, to] = [answer[key], now[key]];
      if (typeof from !== 'string' || typeof to !== 'string') continue;
      this.#words.set(from, to);
      if (key === 'Address') this.#words.set(withoutPrefix(from), withoutPrefix(to));
    }
  }
}

function withoutPrefix(address: string): string {
  return address.slice(0, address.indexOf('/'));
}
