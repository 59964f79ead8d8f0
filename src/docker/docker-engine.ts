// Docker as the container engine of this host.
import { realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { NetError } from '../base/errors.ts';
import type { ContainerEngine, ContainerNamespace } from '../core/container-engine.ts';
import type { DockerContainer } from './docker-answers.ts';
import type { DockerApi } from './docker-api.ts';

/** What Docker takes for a name or an id; anything else would be another path of its API. */
const reference = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

export class DockerEngine implements ContainerEngine {
  readonly #api: DockerApi;

  constructor(api: DockerApi) {
    this.#api = api;
  }

  async namespaceOf(ref: string): Promise<ContainerNamespace> {
    const container = await this.#find(ref);
    const { id, name, running, pid, networkMode } = container;
    if (networkMode === 'host') {
      throw new NetError('conflict', `container ${name} is in the host's network namespace`);
    }
    if (!running || pid <= 0) throw new NetError('conflict', `container ${name} is not running`);
    return { containerId: id, name, path: await namespacePath(container) };
  }

  async #find(ref: string): Promise<DockerContainer> {
    try {
      if (reference.test(ref)) return await this.#api.container(ref);
    } catch (error) {
      if (!(error instanceof NetError) || error.code !== 'not_found') throw error;
    }
    throw new NetError('not_found', `no container ${ref}`);
  }
}

/** Docker has its socket and the directory of plugin sockets side by side: /run/docker.sock and /run/docker/plugins. */
export function dockerSocketBeside(pluginDir: string): string {
  return join(dirname(dirname(pluginDir)), 'docker.sock');
}

/**
 * Where Docker has mounted the namespace, which stays when the container's first process ends; where that mount is not to be
 * seen, as in another mount namespace, by that process.
 */
async function namespacePath({ sandboxKey, pid }: DockerContainer): Promise<string> {
  const ofProcess = `/proc/${pid}/ns/net`;
  try {
    const mounted = await realpath(sandboxKey);
    const [there, wanted] = await Promise.all([stat(mounted), stat(ofProcess)]);
    return there.ino === wanted.ino && there.dev === wanted.dev ? mounted : ofProcess;
  } catch {
    return ofProcess;
  }
}
