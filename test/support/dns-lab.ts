// Networks and sandboxes without processes, made over the API, and questions asked in them.
import { askApi } from './api-client.ts';
import type { CommandResult, ProcessOptions } from './host-process.ts';
import type { TestHost } from './test-host.ts';

export interface ConnectOptions {
  readonly aliases?: readonly string[];
  readonly addresses?: readonly string[];
  readonly links?: readonly { readonly target: string; readonly alias: string }[];
  readonly ports?: readonly string[];
  readonly exposed?: readonly string[];
}

/** A reply as dig prints it. */
export interface DigReply {
  /** `silence` when there was none. */
  readonly status: string;
  readonly flags: readonly string[];
  /** Of the answer section: `web. 5 IN A 10.0.0.2`. */
  readonly answers: readonly string[];
  readonly authority: readonly string[];
  readonly additional: readonly string[];
  readonly text: string;
}

export class DnsLab {
  readonly host: TestHost;

  constructor(host: TestHost) {
    this.host = host;
  }

  async network(name: string, more: object = {}): Promise<void> {
    await this.#change('POST', '/networks', { name, ...more });
  }

  /** Resolves with its id. */
  async sandbox(name: string, more: object = {}): Promise<string> {
    const { id } = await this.#change<{ id: string }>('POST', '/sandboxes', { name, ...more });
    return id;
  }

  /** Resolves with the addresses the sandbox was given, without prefix lengths. */
  async connect(network: string, target: string, options: ConnectOptions = {}): Promise<readonly string[]> {
    const body = { target, ...options };
    const path = `/networks/${network}/connect`;
    const { addresses } = await this.#change<{ addresses: readonly string[] }>('POST', path, body);
    return addresses.map((address) => address.replace(/\/\d+$/, ''));
  }

  async disconnect(network: string, target: string): Promise<void> {
    await this.#change('POST', `/networks/${network}/disconnect`, { target });
  }

  async deleteNetwork(name: string): Promise<void> {
    await this.#change('DELETE', `/networks/${name}`);
  }

  async deleteSandbox(name: string): Promise<void> {
    await this.#change('DELETE', `/sandboxes/${name}`);
  }

  /** Runs a command in a sandbox's network, with the host's files: faster than `net exec`, but without its resolv.conf. */
  inNetworkOf(
    sandbox: string,
    command: readonly string[],
    options: ProcessOptions = {},
  ): Promise<CommandResult> {
    return this.host.attempt(['ip', 'netns', 'exec', sandbox, ...command], options);
  }

  /** Asks the sandbox's resolver once; `words` are dig's. */
  async dig(sandbox: string, ...words: readonly string[]): Promise<DigReply> {
    const server = words.some((word) => word.startsWith('@')) ? [] : ['@127.0.0.11'];
    const dig = ['dig', ...server, '+tries=1', '+time=10', ...words];
    return readDig((await this.inNetworkOf(sandbox, dig)).stdout);
  }

  /** The addresses of dig's answer, in its order. */
  async addresses(sandbox: string, ...words: readonly string[]): Promise<readonly string[]> {
    return addressesOf(await this.dig(sandbox, ...words));
  }

  async #change<T>(method: string, path: string, body?: object): Promise<T> {
    const answer = await askApi(this.host, method, path, body);
    if (answer.status >= 300)
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body as T;
  }
}

/** Reads what dig or drill prints of one reply. */
export function readDig(text: string): DigReply {
  const status = /(?:status|rcode): (\w+)/.exec(text)?.[1] ?? 'silence';
  const flags = /flags: ?([a-z ]*)/.exec(text)?.[1]?.trim().split(' ') ?? [];
  return {
    status,
    flags,
    answers: section(text, 'ANSWER'),
    authority: section(text, 'AUTHORITY'),
    additional: section(text, 'ADDITIONAL'),
    text,
  };
}

function section(text: string, title: string): readonly string[] {
  const start = text.indexOf(`;; ${title} SECTION:`);
  if (start < 0) return [];
  const [, ...lines] = text.slice(start).split('\n');
  const end = lines.findIndex((line) => line === '' || line.startsWith(';'));
  return lines.slice(0, end < 0 ? undefined : end).map((line) => line.replaceAll(/\s+/g, ' '));
}

export function addressesOf(reply: DigReply): readonly string[] {
  return reply.answers
    .filter((line) => / IN (A|AAAA) /.test(line))
    .map((line) => line.split(' ').at(-1) ?? '');
}
