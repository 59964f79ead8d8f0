// An attach through the core, beside the floor: the same kernel work from C.
// What is measured runs in a network and mount namespace of its own.
import { spawnSync } from 'node:child_process';

const inside = new URL('./inside/attach.ts', import.meta.url).pathname;
const { status } = spawnSync(
  'unshare',
  ['--net', '--mount', '--propagation', 'private', process.execPath, '--import', 'tsx', inside],
  { stdio: 'inherit' },
);
process.exitCode = status ?? 1;
