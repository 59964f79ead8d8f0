// The plugin's socket over a core in memory, for tests: by injection, or on a socket in a directory of its own.
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import type { HttpServer } from '../../src/api/http-server.ts';
import { createPluginServer } from '../../src/api/plugin/server.ts';
import { FakeEngineController } from './fake-engine-controller.ts';
import { testDirectory } from './test-api.ts';

export interface PluginAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect, and fail when it is not there.
  readonly body: any;
}

export interface TestPlugin {
  readonly engines: FakeEngineController;
  readonly server: HttpServer;
  /** What the daemon logged so far. */
  readonly logged: () => string;
  /** One call as dockerd makes it; a text is sent as it is, anything else as JSON. */
  readonly call: (method: string, body?: unknown) => Promise<PluginAnswer>;
}

export function testPlugin(options: { readonly callLimitMs?: number } = {}): TestPlugin {
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const engines = new FakeEngineController();
  const server = createPluginServer({ engines, log: pino(sink), ...options });
  onTestFinished(() => server.close());
  return {
    engines,
    server,
    logged: () => lines.join(''),
    async call(method, body) {
      const payload = typeof body === 'string' ? body : `${JSON.stringify(body)}\n`;
      const answer = await server.inject({
        method: 'POST',
        url: `/${method}`,
        headers: { host: '', accept: 'application/vnd.docker.plugins.v1.2+json' },
        ...(body !== undefined && { payload }),
      });
      return { status: answer.statusCode, body: answer.json() };
    },
  };
}

export async function listeningPlugin(): Promise<TestPlugin & { readonly socket: string }> {
  const plugin = testPlugin();
  const socket = join(await testDirectory(), 'fairlead.sock');
  await plugin.server.listen(socket);
  return { ...plugin, socket };
}
