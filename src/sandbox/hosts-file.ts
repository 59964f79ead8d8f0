// The files a sandbox's processes see as /etc/hosts, /etc/hostname and /etc/resolv.conf, as Docker lays them out.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sandbox } from '../model/sandbox.ts';
import { ownResolvConf, resolverConf } from './resolv-conf.ts';
import type { SandboxFilePaths, SandboxFiles, SupervisorState } from './sandbox.ts';

export interface HostsFilesOptions {
  /** Each sandbox has a folder of its id in it. */
  readonly directory: string;
  /** The host's own, for search domains and for sandboxes without a resolver of ours. */
  readonly resolvConf?: string;
}

type View = Parameters<SandboxFiles['write']>[1];

const loopback = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::\tip6-localnet
ff00::\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
`;

export class HostsFiles implements SandboxFiles {
  readonly #directory: string;
  readonly #resolvConf: string;

  constructor({ directory, resolvConf = '/etc/resolv.conf' }: HostsFilesOptions) {
    this.#directory = directory;
    this.#resolvConf = resolvConf;
  }

  async write(sandbox: Sandbox, view: View): Promise<SandboxFilePaths> {
    const paths = this.paths(sandbox);
    const host = readIfThere(this.#resolvConf) ?? '';
    const resolvConf = view.usesResolver ? resolverConf(sandbox.dns, host) : ownResolvConf(sandbox.dns, host);
    // Small files in memory: asking a thread of the pool to write them takes longer than writing them.
    if (!existsSync(this.#folder(sandbox))) mkdirSync(this.#folder(sandbox), { recursive: true });
    writeFileSync(paths.hosts, hostsFile(sandbox, view));
    writeFileSync(paths.hostname, `${sandbox.hostname}\n`);
    writeFileSync(paths.resolvConf, resolvConf);
    return paths;
  }

  paths(sandbox: Sandbox): SandboxFilePaths {
    const folder = this.#folder(sandbox);
    return {
      hosts: join(folder, 'hosts'),
      hostname: join(folder, 'hostname'),
      resolvConf: join(folder, 'resolv.conf'),
      log: join(folder, 'log'),
      state: join(folder, 'state'),
    };
  }

  supervisorState(sandbox: Sandbox): SupervisorState | undefined {
    const text = readIfThere(this.paths(sandbox).state);
    const [word, first, second] = text?.trim().split(' ') ?? [];
    if (word === 'running') return { running: { pid: Number(first), startTime: Number(second) } };
    return word === 'exited' ? { exited: Number(first) } : undefined;
  }

  async remove(sandbox: Sandbox): Promise<void> {
    await rm(this.#folder(sandbox), { recursive: true, force: true });
  }

  #folder(sandbox: Sandbox): string {
    return join(this.#directory, sandbox.id);
  }
}

/** Loopback, then the sandbox's own name, then what was added by `--add-host`. */
function hostsFile({ hostname, extraHosts }: Sandbox, { addresses }: View): string {
  const own = addresses.map((address) => `${address}\t${hostname}\n`);
  const extra = extraHosts.map(({ address, name }) => `${address}\t${name}\n`);
  return [loopback, ...own, ...extra].join('');
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
