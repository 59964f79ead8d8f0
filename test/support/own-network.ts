// For suites that work on real namespaces: they run in a network namespace of their own, never in the machine's.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Throws in a namespace that looks like a machine's; brings loopback up. To be called before anything else. */
export function requireOwnNetwork(): void {
  const machineLinks = showLinks().filter(({ ifname }) => /^(eth|en|wl)/.test(ifname));
  if (machineLinks.length > 0) {
    throw new Error(
      'run this in a namespace of its own: unshare -n -m --propagation private npx vitest run …',
    );
  }
  run('ip link set lo up');
}

/** Runs a command in this process's network namespace, or in one bound to a path; returns what it printed. */
export function run(command: string, namespacePath?: string): string {
  const enter = namespacePath === undefined ? [] : ['nsenter', `--net=${namespacePath}`];
  const [file = '', ...args] = [...enter, ...command.split(' ')];
  return execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** As `run`, but false instead of an error when the command fails. */
export function succeeds(command: string, namespacePath?: string): boolean {
  try {
    run(command, namespacePath);
    return true;
  } catch {
    return false;
  }
}

/** Whether a namespace gets an answer from an address: a refused connection is one. */
export function reaches(address: string, namespacePath: string): boolean {
  const target = address.includes(':') ? `TCP6:[${address}]:9` : `TCP4:${address}:9`;
  const command = [`--net=${namespacePath}`, 'socat', '-u', `${target},connect-timeout=0.7`, 'STDOUT'];
  const { status, stderr } = spawnSync('nsenter', command, { encoding: 'utf8' });
  return status === 0 || stderr.includes('Connection refused');
}

/** A link as `ip -json -details` shows it. */
export interface ShownLink {
  readonly ifindex: number;
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly mtu: number;
  readonly address: string;
  readonly master?: string;
  readonly ifalias?: string;
  readonly linkinfo?: {
    readonly info_kind?: string;
    readonly info_data?: Readonly<Record<string, unknown>>;
    readonly info_slave_data?: { readonly hairpin: boolean; readonly isolated: boolean };
  };
  readonly addr_info: readonly {
    readonly local: string;
    readonly prefixlen: number;
    readonly scope: string;
  }[];
}

/** Undefined when there is none of that name. */
export function showLink(name: string, namespacePath?: string): ShownLink | undefined {
  return showLinks(namespacePath).find(({ ifname }) => ifname === name);
}

export function showLinks(namespacePath?: string): readonly ShownLink[] {
  return JSON.parse(run('ip -json -details address show', namespacePath)) as ShownLink[];
}

/** A directory for pins and for a daemon's files, both taken away again by `remove`. */
export interface Workspace {
  readonly netnsDir: string;
  readonly runDir: string;
  remove(): void;
}

export function makeWorkspace(): Workspace {
  const root = mkdtempSync(join(tmpdir(), 'fairlead-test-'));
  const netnsDir = join(root, 'netns');
  return {
    netnsDir,
    runDir: join(root, 'run'),
    remove() {
      // Pinning has made it a mount point with the pins as mounts on it.
      succeeds(`umount --lazy ${netnsDir}`);
      rmSync(root, { recursive: true, force: true });
    },
  };
}
