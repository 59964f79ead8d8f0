// Many hosts of one cluster, each with the daemon's code for it and a connection of its own to one real etcd, and without a kernel:
// what they cost etcd and each other, on many small networks and on one that all are on.
import { execFileSync } from 'node:child_process';

export interface Sizes {
  readonly hosts: number;
  readonly perNetwork: number;
  readonly endpoints: number;
}

export function simulateHosts({ hosts, perNetwork, endpoints }: Sizes): void {
  const script = new URL('../inside/overlay-hosts.ts', import.meta.url).pathname;
  const apart = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const command = [
    process.execPath,
    ...process.execArgv,
    script,
    ...[hosts, perNetwork, endpoints].map(String),
  ];
  execFileSync('unshare', [...apart, '--propagation', 'private', ...command], { stdio: 'inherit' });
}
