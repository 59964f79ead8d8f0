// A lock on a directory that dies with its holder, also under kill -9, and holds across mount, network and pid namespaces.
//
// Node has no flock, a pid file means nothing in another pid namespace, and an abstract socket nothing in another network
// namespace. A socket file does: connecting to it succeeds exactly as long as some process, wherever it runs, listens.
// Removing a dead one is the danger: two starters may each take the other's fresh socket for the dead one. So a name is
// never used twice, and it appears only once its socket listens: what refuses a connection is dead and stays dead.
// A starter publishes its socket, then looks at all others. Of two, the later to publish sees the earlier, so never both
// go on; the one of lower name waits for the other to have decided, so that mostly one does.
import { closeSync, mkdirSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { NetError } from './errors.ts';
import { randomId } from './random-id.ts';

export interface DirectoryLock {
  release(): Promise<void>;
}

/** A holder that is stopped cannot say that it holds. */
const answerMs = 2000;
const unpublished = '.new';

/** Locks a directory that exists. Errors: `conflict` naming the holder's pid (as its own pid namespace counts). */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const folder = join(directory, 'lock');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const started = process.hrtime.bigint().toString(16).padStart(16, '0');
  const name = `${started}-${process.pid}-${randomId().slice(0, 8)}`;
  const claim = new Claim();
  const release = async () => {
    rmSync(join(folder, name), { force: true });
    await claim.close();
  };
  const fd = openSync(folder, 'r');
  try {
    // Socket paths are at most 107 bytes long (man 7 unix), the directory's may be longer.
    const short = `/proc/self/fd/${fd}`;
    await claim.listen(`${short}/${name}${unpublished}`);
    renameSync(join(folder, `${name}${unpublished}`), join(folder, name));
    for (const other of readdirSync(folder)) {
      if (other === name || other.endsWith(unpublished)) continue;
      const answer = await ask(`${short}/${other}`, { waits: name < other });
      if (answer === 'dead') rmSync(join(folder, other), { force: true });
      if (answer === 'alive')
        throw new NetError('conflict', `${directory} is in use by process ${other.split('-')[1]}`);
    }
  } catch (error) {
    await release();
    throw error;
  } finally {
    closeSync(fd);
  }
  claim.hold();
  return { release };
}

/** Listens; answers whoever asks once it is decided that this process holds the lock. */
class Claim {
  readonly #asking = new Set<Socket>();
  readonly #server: Server;
  #held = false;

  constructor() {
    this.#server = createServer((socket) => {
      socket.on('error', () => undefined).on('close', () => this.#asking.delete(socket));
      this.#asking.add(socket);
      if (this.#held) socket.end('held');
    });
  }

  listen(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject).listen(path, resolve).unref();
    });
  }

  hold(): void {
    this.#held = true;
    for (const socket of this.#asking) socket.end('held');
  }

  close(): Promise<void> {
    for (const socket of this.#asking) socket.destroy();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }
}

/** `gone`: it listened, but gave up before it held the lock. Without `waits`, who listens counts as alive. */
function ask(path: string, { waits }: { readonly waits: boolean }): Promise<'dead' | 'gone' | 'alive'> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (answer: 'dead' | 'gone' | 'alive') => {
      resolve(answer);
      socket.destroy();
    };
    socket.setTimeout(answerMs, () => settle('alive'));
    socket.on('error', (error: NodeJS.ErrnoException) => settle(answerOf(error.code)));
    socket.on('connect', () => waits || settle('alive'));
    socket.on('data', () => settle('alive'));
    socket.on('end', () => settle('gone'));
  });
}

function answerOf(code: string | undefined): 'dead' | 'gone' | 'alive' {
  if (code === 'ECONNREFUSED' || code === 'ENOENT') return 'dead';
  return code === 'ECONNRESET' || code === 'EPIPE' ? 'gone' : 'alive';
}
