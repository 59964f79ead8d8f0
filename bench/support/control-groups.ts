// Control groups that container engines made in a throw-away host: unlike all else of it, they outlive it.
import { readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { waitUntil } from '../../test/support/wait-until.ts';

/** Removes the groups of that name below our own, in every hierarchy, with all below. Their processes must be ending. */
export async function removeControlGroups(name: string): Promise<void> {
  for (const line of readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n')) {
    const [, controllers = '', path = ''] = line.split(':');
    const hierarchy = controllers === '' ? ['', 'unified'] : [controllers.replace('name=', '')];
    for (const folder of hierarchy) {
      const group = join('/sys/fs/cgroup', folder, path, name);
      await waitUntil(`${group} is removed`, () => (removeGroup(group) ? true : undefined));
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
