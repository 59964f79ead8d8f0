// Stands in for netd towards the launcher and the CNI plugin: answers on a unix socket and keeps what it was asked.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

export interface LaunchRequest {
  readonly verb: string;
  readonly arguments: readonly string[];
  readonly pid: number;
  readonly directory: string;
  readonly terminal: readonly [boolean, boolean, boolean];
}

type Answer = (response: ServerResponse) => void;

/** @param index how many were asked before. */
type CniAnswer = (response: ServerResponse, index: number) => void;

export class FakeNetd implements AsyncDisposable {
  /** A folder of the test's own, seen by every throw-away host. Removed with the fake. */
  readonly folder: string;
  /** For `-H`. */
  readonly host: string;
  /** What the launcher asked, oldest first. */
  readonly launches: LaunchRequest[] = [];
  /** Paths and pids of the supervisors that made themselves known. */
  readonly supervisors: { readonly path: string; readonly pid: number }[] = [];
  /** Bodies of what the CNI plugin asked, oldest first, as they came. */
  readonly cniBodies: string[] = [];
  readonly #server: Server;
  #cniAnswer: CniAnswer = (response) => response.writeHead(200).end();
  #answer: Answer = (response) => response.writeHead(500).end();
  #refusal: string | undefined;

  private constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'fairlead-launcher-'));
    this.host = `unix://${join(this.folder, 'api.sock')}`;
    this.#server = createServer((request, response) => void this.#handle(request, response));
  }

  static async start(): Promise<FakeNetd> {
    const netd = new FakeNetd();
    await new Promise<void>((resolve) => netd.#server.listen(join(netd.folder, 'api.sock'), resolve));
    return netd;
  }

  /** Answers launches with a plan of these `key=value` fields; the working directory is / unless they say otherwise. */
  plan(...fields: readonly string[]): void {
    const whole = fields.some((field) => field.startsWith('directory='))
      ? fields
      : ['directory=/', ...fields];
    this.answer(200, 'application/x-fairlead-plan', whole.map((field) => `${field}\0`).join(''));
  }

  /** Answers launches with this. */
  answer(status: number, type: string, body: string, headers: Readonly<Record<string, string>> = {}): void {
    this.#answer = (response) => response.writeHead(status, { 'content-type': type, ...headers }).end(body);
  }

  /** Answers launches with these bytes, whatever they are, and closes the connection. */
  answerRaw(bytes: string): void {
    this.#answer = (response) => {
      response.socket?.on('error', () => {}); // the launcher need not read to the end
      response.socket?.end(bytes);
    };
  }

  /** Answers the CNI plugin. Unless told otherwise, all is well and there is nothing to say. */
  answerCni(answer: CniAnswer): void {
    this.#cniAnswer = answer;
  }

  /** From now on no supervisor is taken. */
  refuseSupervisors(message: string): void {
    this.#refusal = message;
  }

  /** As netd when it is killed: the socket's file stays, nobody listens. */
  async die(): Promise<void> {
    this.#server.closeAllConnections();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.die();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const content = await text(request);
    const path = request.url ?? '';
    if (path === '/fairlead/v1/cni') {
      this.#cniAnswer(response, this.cniBodies.push(content) - 1);
      return;
    }
    const body = JSON.parse(content);
    if (path === '/fairlead/v1/launch') {
      this.launches.push(body);
      this.#answer(response);
    } else if (this.#refusal !== undefined) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end(this.#refusal);
    } else if (/^\/fairlead\/v1\/sandboxes\/[0-9a-f]+\/process$/.test(path)) {
      this.supervisors.push({ path, pid: body.pid });
      response.writeHead(204).end();
    } else {
      response.writeHead(404, { 'content-type': 'text/plain' }).end(`no ${path}\n`);
    }
  }
}
