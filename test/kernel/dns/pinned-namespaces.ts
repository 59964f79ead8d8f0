// Network namespaces of a test, pinned in a directory of its own, and questions asked from inside them.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { createPinnedNamespace, unpinNamespace } from '../../../src/kernel/netns.ts';
import { makePinDirectory, removePinDirectory } from '../native/pin-directory.ts';

export interface CommandOutput {
  readonly status: number;
  readonly stdout: string;
}

export interface DigOutput {
  /** As dig calls it (`NOERROR`, `NXDOMAIN`…); `unreachable` when nobody answers. */
  readonly status: string;
  readonly flags: readonly string[];
  /** Lines as dig prints them, blanks made single. */
  readonly answers: readonly string[];
  readonly text: string;
}

/** For `run` and `dig`: where the test itself is, which is the host. */
export const hostNamespace = '/proc/self/ns/net';

export class PinnedNamespaces implements AsyncDisposable {
  readonly directory = makePinDirectory();
  readonly #paths: string[] = [];

  async create(label: string): Promise<string> {
    const path = join(this.directory, label);
    await createPinnedNamespace(path, { disableIpv6: false });
    this.#paths.push(path);
    return path;
  }

  run(path: string, command: readonly string[], unshare: readonly string[] = []): Promise<CommandOutput> {
    const enter = [`--net=${path}`, '--', ...unshare, ...command];
    return new Promise((resolve) => {
      const child = execFile('nsenter', enter, { encoding: 'utf8' }, (_, stdout) => {
        resolve({ status: child.exitCode ?? 128, stdout });
      });
    });
  }

  /** Asks the resolver of the namespace, or that at another address; `question` is what dig takes. */
  async dig(path: string, question: readonly string[], server = '127.0.0.11'): Promise<DigOutput> {
    const options = ['+tries=1', '+time=5', '+noall', '+comments', '+answer', '+authority', '+norrcomments'];
    const { stdout } = await this.run(path, ['dig', `@${server}`, ...options, ...question]);
    const status = /status: (\w+)/.exec(stdout)?.[1] ?? 'unreachable';
    const flags = /flags: ([a-z ]+);/.exec(stdout)?.[1]?.split(' ') ?? [];
    const lines = stdout.split('\n').filter((line) => line !== '' && !line.startsWith(';'));
    return { status, flags, answers: lines.map((line) => line.replace(/\s+/g, ' ')), text: stdout };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const path of this.#paths) await unpinNamespace(path);
    removePinDirectory(this.directory);
  }
}
