// The processes of sandboxes: told when they end, signalled, waited for.
import type { SandboxId } from '../model/ids.ts';
import type { Sandbox } from '../model/sandbox.ts';
import type { Parts } from './parts.ts';

/** One particular process, however its pid is used later. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: number;
}

interface Watched {
  readonly cancel: () => void;
  readonly ended: Promise<void>;
}

/** Status of a supervisor that died without saying how its command ended: it takes the command with it (128 + SIGKILL). */
const killedStatus = 137;

/** They end restarting as well. Others it may not be able to hand on: STOP and ALRM would hit the supervisor instead. */
const supervisorSignals: ReadonlySet<string> = new Set(['TERM', 'INT', 'KILL']);

export class Processes {
  readonly #parts: Parts;
  readonly #onEnd: (id: SandboxId, process: ProcessIdentity) => Promise<void>;
  readonly #watched = new Map<SandboxId, Watched>();

  /** `onEnd` is called once for each process that ends, and should not throw. */
  constructor(parts: Parts, onEnd: (id: SandboxId, process: ProcessIdentity) => Promise<void>) {
    this.#parts = parts;
    this.#onEnd = onEnd;
  }

  /** Watches a sandbox's process in place of any it had before. */
  watch(sandbox: Sandbox): void {
    const process = livingProcess(sandbox);
    this.forget(sandbox.id);
    if (process === undefined) return;
    let cancel = () => {};
    const ended = new Promise<void>((resolve) => {
      cancel = this.#parts.processes.watch(process.pid, process.startTime, () => {
        void this.#onEnd(sandbox.id, process).finally(resolve);
      });
    });
    this.#watched.set(sandbox.id, { cancel, ended });
  }

  forget(id: SandboxId): void {
    this.#watched.get(id)?.cancel();
    this.#watched.delete(id);
  }

  /** Sends a signal to the command of a sandbox; false when none runs, or no more. */
  signal(sandbox: Sandbox, signal: string): boolean {
    const process = sandbox.process === undefined ? undefined : livingProcess(sandbox);
    if (process === undefined) return false;
    const { pid, startTime } =
      (supervisorSignals.has(signal) ? undefined : this.#command(sandbox)) ?? process;
    return this.#parts.processes.signal(pid, startTime, signal);
  }

  /** The command itself, where it has a supervisor and runs just now. */
  #command(sandbox: Sandbox): ProcessIdentity | undefined {
    if (sandbox.process?.detached !== true) return undefined;
    const state = this.#parts.files.supervisorState(sandbox);
    return state !== undefined && 'running' in state ? state.running : undefined;
  }

  /** Whether the command runs just now: the record says so until its end has been dealt with. */
  isAlive(sandbox: Sandbox): boolean {
    const process = sandbox.process === undefined ? undefined : livingProcess(sandbox);
    return process !== undefined && this.#parts.processes.startTime(process.pid) === process.startTime;
  }

  /** Resolves to true when the process has ended and been dealt with, to false after the time given. */
  async waitForEnd(id: SandboxId, timeoutMs: number): Promise<boolean> {
    const watched = this.#watched.get(id);
    if (watched === undefined) return true;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), timeoutMs);
    });
    const result = await Promise.race([watched.ended.then(() => true), timeout]);
    clearTimeout(timer);
    return result;
  }

  /** How the command of a detached sandbox ended, by its supervisor's last word. */
  exitStatus(sandbox: Sandbox): number {
    const state = this.#parts.files.supervisorState(sandbox);
    return state !== undefined && 'exited' in state ? state.exited : killedStatus;
  }

  close(): void {
    for (const { cancel } of this.#watched.values()) cancel();
    this.#watched.clear();
  }
}

/** The process whose end ends the sandbox or its run; for an adopted namespace the one it was named by. */
export function livingProcess(sandbox: Sandbox): ProcessIdentity | undefined {
  const { process, namespace } = sandbox;
  if (process !== undefined) return process.exitStatus === undefined ? process : undefined;
  if (namespace.kind !== 'adopted' || namespace.pid === undefined) return undefined;
  return { pid: namespace.pid, startTime: namespace.startTime ?? 0 };
}
