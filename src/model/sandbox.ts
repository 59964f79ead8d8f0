// A sandbox: a network namespace with its names, its resolver settings and, when a process was run in it, that process.
import type { IpAddress } from '../base/cidr.ts';
import type { SandboxId } from './ids.ts';

/** A process the runtime placed into the sandbox. `startTime` (clock ticks since boot, field 22 of /proc/PID/stat) tells a reused pid from the same process. */
export interface SandboxProcess {
  readonly pid: number;
  readonly startTime: number;
  readonly command: readonly string[];
  /** A supervisor keeps it: output goes to `logPath`, the exit status is recorded. */
  readonly detached: boolean;
  readonly logPath?: string;
  /** `no`, `always`, `on-failure` or `on-failure:N`; carried out by the supervisor. */
  readonly restart: string;
  /** Set when it has ended: its status, 128+N after signal N. */
  readonly exitStatus?: number;
  /** When its end was seen: later than it ended if the daemon was away. ISO 8601, UTC. */
  readonly endedAt?: string;
}

/**
 * Which namespace a sandbox is. `pinned` ones were made by us; `adopted` ones belong to somebody else and are only ever
 * configured, never removed; an `awaited` one is a container engine's that has not been seen at its path yet.
 */
export type SandboxNamespace =
  | { readonly kind: 'pinned'; readonly path: string; readonly device: number; readonly inode: number }
  | {
      readonly kind: 'adopted';
      readonly path: string;
      readonly device: number;
      readonly inode: number;
      readonly pid?: number;
      readonly startTime?: number;
    }
  | { readonly kind: 'awaited'; readonly expectedPath: string }
  | { readonly kind: 'host' }
  | { readonly kind: 'shared'; readonly with: SandboxId };

export interface Sandbox {
  readonly id: SandboxId;
  readonly name: string;
  readonly createdAt: string;
  /** Contents of /proc/sys/kernel/random/boot_id when it was made: a sandbox does not outlive its boot. */
  readonly bootId: string;
  readonly namespace: SandboxNamespace;
  readonly hostname: string;
  readonly dns: {
    readonly servers: readonly IpAddress[];
    readonly search: readonly string[];
    readonly options: readonly string[];
  };
  readonly extraHosts: readonly { readonly name: string; readonly address: IpAddress }[];
  readonly labels: Readonly<Record<string, string>>;
  readonly process?: SandboxProcess;
  /** Set when it is a container of an engine that has a resolver in it; its id there, once that is known. */
  readonly engine?: { readonly containerId?: string };
  /** Removed with everything it has when its process ends. */
  readonly autoRemove: boolean;
  /** Set while it is being made or unmade: what is still pending when the daemon starts is removed. */
  readonly pending?: true;
}

/** Whether somebody else made it, or will: to us it is a sandbox for as long as it is on a network. */
export function isForeign({ kind }: SandboxNamespace): boolean {
  return kind === 'adopted' || kind === 'awaited';
}
