// A process inside a throw-away host, with everything it prints.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { waitUntil } from './wait-until.ts';

export interface CommandResult {
  /** The exit status, or 128 plus the signal's number as a shell would say. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProcessOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Default: nothing to read. */
  readonly input?: string;
}

const repository = new URL('../../', import.meta.url).pathname;
const signalNumbers: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

export class HostProcess {
  readonly command: readonly string[];
  /** Resolves when the process has ended and its output is read. */
  readonly ended: Promise<CommandResult>;
  readonly #child: ChildProcessWithoutNullStreams;
  #stdout = '';
  #stderr = '';

  /** @param hostPid any process of the host, as seen from outside. */
  constructor(hostPid: number, command: readonly string[], options: ProcessOptions) {
    this.command = command;
    const enter = ['-t', String(hostPid), '-n', '-m', '-u', '-i', '-p', '--wdns=/', '--', ...command];
    const env = { ...process.env, PATH: `${repository}bin:${process.env['PATH']}`, ...options.env };
    this.#child = spawn('nsenter', enter, { env });
    this.#child.stdin.on('error', () => {}); // it may end without reading its input
    this.#child.stdin.end(options.input ?? '');
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
    });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.ended = new Promise((resolve) => {
      this.#child.on('error', (error) => resolve({ status: 127, stdout: '', stderr: error.message }));
      this.#child.on('close', (status, signal) =>
        resolve({
          status: status ?? 128 + (signalNumbers[signal ?? ''] ?? 0),
          stdout: this.#stdout,
          stderr: this.#stderr,
        }),
      );
    });
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Its pid as seen from outside the host: the child of the process that entered the host for it. */
  async pid(): Promise<number> {
    return waitUntil(`${this.command[0]} has started`, () => this.#childPid());
  }

  /** Holds the process up while some work is done. */
  async pausedWhile<T>(work: () => Promise<T>): Promise<T> {
    const pid = await this.pid();
    process.kill(pid, 'SIGSTOP');
    try {
      return await work();
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  }

  /** Sends a signal, and resolves when the process has ended. */
  async end(signal: NodeJS.Signals): Promise<CommandResult> {
    // It may end by itself at any moment.
    const pid = await waitUntil(`${this.command[0]} has started or ended`, () =>
      this.hasEnded ? null : this.#childPid(),
    );
    if (pid !== null) sendSignal(pid, signal);
    // Where it was held up, so is whoever entered the host for it: nsenter(1) stops with its child.
    this.#child.kill('SIGCONT');
    return this.ended;
  }

  /** The first line of its output (either stream) that matches. Fails when the process ends before. */
  async line(pattern: RegExp, timeoutMs = 15_000): Promise<string> {
    const found = await waitUntil(
      `${this.command.join(' ')} prints ${pattern}`,
      () => {
        const line = `${this.#stdout}\n${this.#stderr}`.split('\n').find((text) => pattern.test(text));
        return line ?? (this.hasEnded ? null : undefined);
      },
      { timeoutMs },
    );
    if (found === null) throw new Error(`${this.command.join(' ')} ended: ${this.#stderr}${this.#stdout}`);
    return found;
  }

  /** The process that entered the host for it has no other child. */
  #childPid(): number | undefined {
    const entering = this.#child.pid;
    const children = readFileSync(`/proc/${entering}/task/${entering}/children`, 'utf8').trim();
    return children === '' ? undefined : Number(children.split(' ')[0]);
  }
}

/** To a process that may have ended just now. */
function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
