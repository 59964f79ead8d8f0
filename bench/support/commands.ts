// Which programs a benchmark would need are not there.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** By name, or by path where they are on no PATH. */
export function missing(commands: readonly string[]): readonly string[] {
  const folders = (process.env['PATH'] ?? '').split(':');
  const isThere = (command: string) =>
    command.startsWith('/')
      ? existsSync(command)
      : folders.some((folder) => existsSync(join(folder, command)));
  return commands.filter((command) => !isThere(command));
}
