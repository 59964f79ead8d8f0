// Calls netd's plugin as dockerd does: HTTP over the socket in a host, without a content type, and with no name of a host.
import { request } from 'node:http';
import type { TestHost } from './test-host.ts';

export interface PluginAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect, and fail when it is not there.
  readonly body: any;
}

/** A text is sent as it is, anything else as JSON. Rejects when the connection breaks before the whole answer is there. */
export function callPlugin(host: TestHost, method: string, body?: unknown): Promise<PluginAnswer> {
  const socketPath = `/proc/${host.pid}/root/run/docker/plugins/fairlead.sock`;
  const text = typeof body === 'string' ? body : body === undefined ? '' : `${JSON.stringify(body)}\n`;
  const headers = {
    host: '',
    accept: 'application/vnd.docker.plugins.v1.2+json',
    'content-length': Buffer.byteLength(text),
  };
  return new Promise((resolve, reject) => {
    const asked = request(
      { socketPath, method: 'POST', path: `/${method}`, headers, agent: false },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          if (!answer.complete) return reject(new Error('the answer broke off'));
          resolve({ status: answer.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString()) });
        });
      },
    );
    asked.on('error', reject);
    asked.end(text);
  });
}

/** The same for a call that must not be refused; returns the answer. */
export async function mustCall(
  host: TestHost,
  method: string,
  body?: unknown,
): Promise<PluginAnswer['body']> {
  const answer = await callPlugin(host, method, body);
  if (answer.status !== 200 || answer.body.Err !== undefined) {
    throw new Error(`${method} ${JSON.stringify(body)}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }
  return answer.body;
}
