// Dockerd asked through its API, so that starting its command line burdens nobody.
import { request } from 'node:http';
import { busyboxImage } from '../../test/support/engines/busybox-image.ts';
import type { TestHost } from '../../test/support/test-host.ts';

export class DockerApi {
  readonly #socketPath: string;

  constructor(host: TestHost) {
    this.#socketPath = `/proc/${host.pid}/root/run/docker.sock`;
  }

  async must(method: string, path: string, body?: object): Promise<Readonly<Record<string, unknown>>> {
    const answer = await exchange(this.#socketPath, method, path, JSON.stringify(body ?? {}));
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.text}`);
    return answer.text.trim().startsWith('{') ? JSON.parse(answer.text) : {};
  }

  /** What `docker run --rm` asks for. */
  async runToEnd(network: string): Promise<void> {
    const container = await this.must('POST', '/containers/create', {
      Image: busyboxImage,
      Cmd: ['busybox', 'true'],
      HostConfig: { AutoRemove: true, NetworkMode: network },
    });
    const removed = this.must('POST', `/containers/${container['Id']}/wait?condition=removed`);
    await this.must('POST', `/containers/${container['Id']}/start`);
    await removed;
  }
}

function exchange(socketPath: string, method: string, path: string, body: string) {
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  return new Promise<{ readonly status: number; readonly text: string }>((resolve, reject) => {
    const asked = request({ socketPath, method, path, headers, agent: false }, async (answer) => {
      const chunks: Buffer[] = [];
      for await (const chunk of answer) chunks.push(chunk as Buffer);
      resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString() });
    });
    asked.on('error', reject);
    asked.end(body);
  });
}
