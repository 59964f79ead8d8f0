// The docker command line against the netd of a throw-away host.
import { accessSync, constants, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandResult, HostProcess } from '../host-process.ts';
import type { TestHost } from '../test-host.ts';

const socket = 'unix:///run/fairlead/api.sock';
// An empty one: nobody's contexts, credentials and plugins.
const env = { DOCKER_CONFIG: '/run/docker-client' };

/** Every docker client the machine has: versions of the API differ between them. */
export function dockerClients(): readonly string[] {
  const candidates = (process.env['PATH'] ?? '').split(':').map((folder) => join(folder, 'docker'));
  return [...new Set(candidates.filter(isExecutable).map((path) => realpathSync(path)))];
}

export class DockerClient {
  readonly #host: TestHost;
  readonly #path: string;

  constructor(host: TestHost, path: string) {
    this.#host = host;
    this.#path = path;
  }

  /** `docker` with these arguments; must succeed. */
  run(...args: readonly string[]): Promise<string> {
    return this.#host.run(this.#command(args), { env });
  }

  /** `docker` with these arguments, whatever its status. */
  attempt(...args: readonly string[]): Promise<CommandResult> {
    return this.#host.attempt(this.#command(args), { env });
  }

  /** `docker` with these arguments, left running. */
  spawn(...args: readonly string[]): HostProcess {
    return this.#host.spawn(this.#command(args), { env });
  }

  /** Output of one word a line, sorted. */
  async words(...args: readonly string[]): Promise<readonly string[]> {
    const text = await this.run(...args);
    return text.split('\n').filter(Boolean).sort();
  }

  async inspect<T>(...args: readonly string[]): Promise<T> {
    return JSON.parse(await this.run(...args, '--format', '{{json .}}')) as T;
  }

  #command(args: readonly string[]): readonly string[] {
    return [this.#path, '-H', socket, ...args];
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
