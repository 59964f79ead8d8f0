// The daemon's API as a test sees it from outside a host: plain HTTP over the host's socket, nothing of the product's client.
import { request } from 'node:http';
import type { TestHost } from './test-host.ts';

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect, and fail when it is not there.
  readonly body: any;
}

/** Asks the daemon of a host. Rejects when the connection breaks before the whole answer is there. */
export function askApi(host: TestHost, method: string, path: string, body?: object): Promise<Answer> {
  const socketPath = `/proc/${host.pid}/root/run/fairlead/api.sock`;
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers =
    text === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  return new Promise((resolve, reject) => {
    const asked = request(
      { socketPath, method, path: `/fairlead/v1${path}`, headers, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          if (!response.complete) return reject(new Error('the answer broke off'));
          const content = Buffer.concat(chunks).toString();
          resolve({
            status: response.statusCode ?? 0,
            body: content === '' ? undefined : JSON.parse(content),
          });
        });
      },
    );
    asked.on('error', reject);
    asked.end(text);
  });
}
