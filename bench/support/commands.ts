// Which programs a benchmark would need are not there.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

export function missing(commands: readonly string[]): readonly string[] {
  const folders = (process.env['PATH'] ?? '').split(':');
  return commands.filter((command) => !folders.some((folder) => existsSync(join(folder, command))));
}
