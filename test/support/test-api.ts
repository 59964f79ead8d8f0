// The API over a daemon in memory, for tests: by injection, or on a socket in a directory of its own.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import type { HttpServer } from '../../src/api/http-server.ts';
import { createServer } from '../../src/api/server.ts';
import type { CniBody } from '../../src/cni/protocol.ts';
import { FakeController } from './fake-controller.ts';

export interface TestApi {
  readonly controller: FakeController;
  readonly server: HttpServer;
  /** What the daemon logged so far. */
  readonly logged: () => string;
  /** One request under /fairlead/v1; a body is sent as JSON. */
  readonly call: (method: Method, path: string, body?: object) => Promise<{ status: number; body: unknown }>;
}

type Method = 'GET' | 'POST' | 'DELETE';

export function testApi(controller = new FakeController()): TestApi {
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const cni = {
    answer: async (body: CniBody) => ({
      code: Number(body.environment['ANSWER_CODE'] ?? 0),
      document: JSON.stringify(body),
    }),
  };
  const server = createServer({ controller, cni, log: pino(sink), version: '1.2.3' });
  onTestFinished(() => server.close());
  return {
    controller,
    server,
    logged: () => lines.join(''),
    async call(method, path, body) {
      const url = `/fairlead/v1${path}`;
      const answer = await server.inject({ method, url, ...(body !== undefined && { payload: body }) });
      const isJson = answer.headers['content-type']?.toString().startsWith('application/json') ?? false;
      return { status: answer.statusCode, body: isJson ? answer.json() : answer.body };
    },
  };
}

/** A directory that is gone when the test is over. */
export async function testDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'fairlead-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

export async function listeningApi(
  controller?: FakeController,
): Promise<TestApi & { readonly socket: string }> {
  const api = testApi(controller);
  const socket = join(await testDirectory(), 'api.sock');
  await api.server.listen(socket);
  return { ...api, socket };
}
