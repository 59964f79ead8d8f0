// Control groups for container engines in a throw-away host: all below one group that the engines see as the root. Unlike
// all else of a host they outlive it, and are removed after it.
import { readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestHost } from '../test-host.ts';
import { waitUntil } from '../wait-until.ts';

/** Runs a command in control groups of its own, see there. */
export const inCgroups = new URL('in-cgroups.sh', import.meta.url).pathname;

/** Moves itself into the groups that are mounted, and sees them as the process $0 does. */
const enter = `
  at=/sys/fs/cgroup/first
  [ -e $at ] || at='/sys/fs/cgroup/*'
  for procs in $at/cgroup.procs; do echo $$ >"$procs"; done
  exec nsenter --cgroup --target "$0" -- "$@"`;

let made = 0;

export class ControlGroups implements AsyncDisposable {
  readonly #name: string;
  readonly #holder: number;

  private constructor(name: string, holder: number) {
    this.#name = name;
    this.#holder = holder;
  }

  /** Dispose of them after the host. */
  static async start(host: TestHost): Promise<ControlGroups> {
    const name = `fairlead-test-${process.pid}-${++made}`;
    const hold = ['sh', '-c', 'echo holder $$ && exec sleep infinity'];
    const holder = host.spawn(['bash', inCgroups, name, ...hold]);
    const [, pid] = (await holder.line(/^holder /)).split(' ');
    return new ControlGroups(name, Number(pid));
  }

  /** The command that runs this one in the groups. */
  command(...words: readonly string[]): readonly string[] {
    return ['bash', '-ec', enter, String(this.#holder), ...words];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await removeControlGroups(this.#name);
  }
}

/** Removes the groups of that name below our own, in every hierarchy, with all below. Their processes must be ending. */
export async function removeControlGroups(name: string): Promise<void> {
  for (const line of readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n')) {
    const [, controllers = '', path = ''] = line.split(':');
    const hierarchy = controllers === '' ? ['', 'unified'] : [controllers.replace('name=', '')];
    for (const folder of hierarchy) {
      const group = join('/sys/fs/cgroup', folder, path, name);
      const removed = () => (removeGroup(group) ? true : undefined);
      await waitUntil(`${group} is removed`, removed, { timeoutMs: 50_000 });
    }
  }
}

/** False while it is in use. */
function removeGroup(group: string): boolean {
  try {
    for (const entry of readdirSync(group, { withFileTypes: true })) {
      if (entry.isDirectory() && !removeGroup(join(group, entry.name))) return false;
    }
    rmdirSync(group);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EBUSY') return false;
    if (code !== 'ENOENT') throw error;
  }
  return true;
}
