// Finding out which process has a port, from /proc (man 5 proc). Only for messages: slow, and it may find nothing.
import { readdir, readFile, readlink } from 'node:fs/promises';
import type { Protocol } from '../model/port.ts';

/** `nginx (pid 1234)`; undefined when no socket or process is found. */
export async function findPortUser(protocol: Protocol, port: number): Promise<string | undefined> {
  const inodes = await socketInodes(protocol, port);
  if (inodes.size === 0) return undefined;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    if (!(await hasSocket(pid, inodes))) continue;
    const command = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
    return `${command.trim() || 'a process'} (pid ${pid})`;
  }
  return undefined;
}

/** Inodes of sockets with that local port, of both families. */
async function socketInodes(protocol: Protocol, port: number): Promise<ReadonlySet<string>> {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  const inodes = new Set<string>();
  for (const table of [protocol, `${protocol}6`]) {
    const text = await readFile(`/proc/net/${table}`, 'utf8').catch(() => '');
    for (const line of text.split('\n').slice(1)) {
      // sl local_address rem_address st tx_queue:rx_queue tr:when retrnsmt uid timeout inode
      const fields = line.trim().split(/\s+/);
      const [, local = ''] = fields;
      const inode = fields[9];
      if (local.endsWith(`:${hexPort}`) && inode !== undefined && inode !== '0') inodes.add(inode);
    }
  }
  return inodes;
}

async function hasSocket(pid: string, inodes: ReadonlySet<string>): Promise<boolean> {
  // Processes end meanwhile, and others' may not be looked into.
  const fds = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const targets = await Promise.all(fds.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
  return targets.some((target) => inodes.has(/^socket:\[(\d+)\]$/.exec(target)?.[1] ?? ''));
}
