// Finding out which process has a port, from /proc (man 5 proc). Only for messages: slow, and it may find nothing, as the
// process may be in a pid namespace that is not ours, or /proc may show us none but our own (`hidepid`).
import { readdir, readFile, readlink } from 'node:fs/promises';
import { familyOf, type IpAddress, type IpFamily, toBytes } from '../base/cidr.ts';
import { littleEndian, viewOf } from '../kernel/netlink/byte-writer.ts';
import type { PortName } from './port-socket.ts';

/** `nginx (pid 1234)`; undefined when no socket or process is found. */
export async function findPortUser(port: PortName): Promise<string | undefined> {
  const inodes = await rivalInodes(port);
  if (inodes.length === 0) return undefined;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const holders = new Map<string, string>();
  for (const pid of pids) {
    for (const inode of await socketsOf(pid)) holders.set(inode, holders.get(inode) ?? pid);
  }
  const pid = inodes.map((inode) => holders.get(inode)).find((holder) => holder !== undefined);
  if (pid === undefined) return undefined;
  const command = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
  return `${command.trim() || 'a process'} (pid ${pid})`;
}

interface Socket {
  readonly inode: string;
  /** As /proc writes it. */
  readonly address: string;
  readonly isListening: boolean;
}

/** Inodes of sockets that have the port: first those that keep it from us for certain, then others with its number. */
async function rivalInodes(port: PortName): Promise<readonly string[]> {
  const { hostAddress } = port;
  const families: readonly IpFamily[] = familyOf(hostAddress) === 4 ? [4, 6] : [6, 4];
  const tables = await Promise.all(families.map((family) => readTable(port, family)));
  const own = procText(hostAddress);
  const weight = ({ address, isListening }: Socket) => {
    const isRival = [own, address].some(isWildcard) || address === own;
    return (isRival ? 2 : 0) + (isListening ? 1 : 0);
  };
  return tables
    .flat()
    .sort((a, b) => weight(b) - weight(a))
    .map(({ inode }) => inode);
}

/** TCP_LISTEN, include/net/tcp_states.h. */
const listening = '0A';

async function readTable({ protocol, hostPort }: PortName, family: IpFamily): Promise<readonly Socket[]> {
  const wanted = hostPort.toString(16).toUpperCase().padStart(4, '0');
  const text = await readFile(`/proc/net/${protocol}${family === 6 ? '6' : ''}`, 'utf8').catch(() => '');
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      // sl local_address rem_address st tx_queue:rx_queue tr:when retrnsmt uid timeout inode
      const fields = line.trim().split(/\s+/);
      const [address = '', port] = fields[1]?.split(':') ?? [];
      const inode = fields[9] ?? '0';
      return port === wanted && inode !== '0'
        ? [{ inode, address, isListening: fields[3] === listening }]
        : [];
    });
}

/** Each word of it as a number of the machine's byte order. */
function procText(address: IpAddress): string {
  const bytes = toBytes(address);
  const view = viewOf(bytes);
  const words = Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(4 * i, littleEndian));
  return words.map((word) => word.toString(16).toUpperCase().padStart(8, '0')).join('');
}

function isWildcard(text: string): boolean {
  return /^0+$/.test(text);
}

async function socketsOf(pid: string): Promise<readonly string[]> {
  // Processes end meanwhile, and others' may not be looked into.
  const fds = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const targets = await Promise.all(fds.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
  return targets.flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []);
}
