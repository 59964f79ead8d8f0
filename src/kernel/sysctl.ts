// Kernel parameters below /proc/sys, in the host or in a network namespace.
import type { Namespace } from './netns.ts';
import { readSysctlText, runProgram } from './program.ts';

/** The value without its line break. Errors: NetlinkError, `ENOENT` when the kernel has no such parameter. */
export async function readSysctl(sysctl: string, namespace?: Namespace): Promise<string> {
  return (await readSysctlText(sysctl, namespace)).trimEnd();
}

/** Errors: NetlinkError, `ENOENT` when the kernel has no such parameter, `EINVAL` when it refuses the value. */
export async function writeSysctl(sysctl: string, value: string, namespace?: Namespace): Promise<void> {
  await runProgram([{ sysctl, value, in: namespace === undefined ? 'host' : 'namespace' }], namespace);
}
