// What Docker finds of us while netd is away, or where netd has its plugin socket in another directory than Docker's own.
import { join } from 'node:path';
import type { InstalledFile } from './installed-files.ts';

/** Where Docker looks for plugins besides the directory of their sockets. */
const specDirectory = '/etc/docker/plugins';

/** @param pluginDir netd's `--docker-plugin-dir`. */
export function dockerFiles(pluginDir: string): readonly InstalledFile[] {
  const isSpec = (content: Buffer) => /^unix:\/\/\S*\/fairlead\.sock\n$/.test(content.toString());
  return [
    {
      path: join(specDirectory, 'fairlead.spec'),
      content: Buffer.from(`unix://${join(pluginDir, 'fairlead.sock')}\n`),
      mode: 0o644,
      mayReplace: isSpec,
      mayRemove: isSpec,
    },
  ];
}
