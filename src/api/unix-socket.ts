// Where the API listens: a socket file that appears with its final owner and mode, and never replaces a live one.
import { chmod, chown, mkdtemp, readFile, rename, rm, rmdir, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { NetError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';

const groupName = 'fairlead';
/** `sun_path` of `struct sockaddr_un` is 108 bytes with its NUL, unix(7). */
const pathLimitBytes = 107;

/** Who may speak at the socket: root alone, or members of our group too. */
export type SocketAccess = 'root' | 'group';

/**
 * Makes `listen` bind in a private directory, gives the socket its mode and group, and moves it to `path`.
 * Errors: `conflict` when something answers there or it is no socket, `invalid_parameter` when the path is too long.
 */
export async function bindSocket(
  path: string,
  { access, log }: { readonly access: SocketAccess; readonly log: Log },
  listen: (path: string) => Promise<unknown>,
): Promise<void> {
  await makeRoom(path);
  const privateDirectory = await mkdtemp(join(dirname(path), '.new-'));
  const bound = join(privateDirectory, 's');
  try {
    checkLength(bound);
    await listen(bound);
    await chmod(bound, access === 'group' ? 0o660 : 0o600);
    if (access === 'group') await giveToGroup(bound, log);
    await rename(bound, path);
  } finally {
    await rmdir(privateDirectory);
  }
}

/** Removes what a dead daemon left; refuses to touch anything else. */
async function makeRoom(path: string): Promise<void> {
  checkLength(path);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) throw new NetError('conflict', `${path} exists and is not a socket`);
  if (await answers(path)) throw new NetError('conflict', `another daemon answers at ${path}`);
  await rm(path, { force: true });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    // A full backlog (EAGAIN) is a sign of life too.
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EAGAIN'));
  });
}

/** Members of the group may use the daemon without being root; without the group only root may. */
async function giveToGroup(path: string, log: Log): Promise<void> {
  const gid = groupId(await readFile('/etc/group', 'utf8').catch(() => ''), groupName);
  if (gid === undefined) return;
  try {
    await chown(path, process.getuid?.() ?? 0, gid);
  } catch (error) {
    log.warn({ group: groupName, reason: String(error) }, 'the socket cannot be given to its group');
  }
}

/** The id of a group in the text of /etc/group, see group(5). */
export function groupId(text: string, name: string): number | undefined {
  for (const line of text.split('\n')) {
    const [group, , id] = line.split(':');
    if (group === name && id !== undefined && /^\d+$/.test(id)) return Number(id);
  }
  return undefined;
}

function checkLength(path: string): void {
  const length = Buffer.byteLength(path);
  if (length > pathLimitBytes) {
    throw new NetError(
      'invalid_parameter',
      `socket path ${path} is ${length} bytes long; at most ${pathLimitBytes} are possible`,
    );
  }
}
