// A pinned namespace for a test, and its removal.
import { join } from 'node:path';
import {
  createPinnedNamespace,
  type Namespace,
  openNamespace,
  unpinNamespace,
} from '../../../src/kernel/netns.ts';
import { makePinDirectory, removePinDirectory } from './pin-directory.ts';

export interface ScratchNamespace {
  readonly namespace: Namespace;
  readonly path: string;
  remove(): Promise<void>;
}

export async function makeScratchNamespace(): Promise<ScratchNamespace> {
  const directory = makePinDirectory();
  const path = join(directory, 'a');
  await createPinnedNamespace(path, { disableIpv6: false });
  const namespace = openNamespace({ path });
  return {
    namespace,
    path,
    async remove() {
      namespace.close();
      await unpinNamespace(path);
      removePinDirectory(directory);
    },
  };
}
