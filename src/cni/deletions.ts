// DELs that came while the daemon was away: the plugin left them in the run directory, and they are carried out at the start.
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../base/log.ts';
import type { CniAnswer, CniDoor } from './door.ts';
import { cniCode } from './errors.ts';
import type { CniBody } from './protocol.ts';

type Door = Pick<CniDoor, 'answer'>;

/** For now; the next start tries again. */
const passing: readonly number[] = [cniCode.tryAgain, cniCode.internal];

/** A door where everybody waits until what the plugin left is carried out: they may attach anew what it is to remove. */
export class DoorAfterDeletions implements Door {
  readonly #door: Door;
  readonly #log: Log;
  #open = () => {};
  readonly #opened = new Promise<void>((resolve) => {
    this.#open = resolve;
  });

  constructor(door: Door, log: Log) {
    this.#door = door;
    this.#log = log;
  }

  async answer(body: CniBody): Promise<CniAnswer> {
    await this.#opened;
    return this.#door.answer(body);
  }

  /** To be called once. A file goes when its deletion is done, or can never be. */
  async carryOutDeletions(runDir: string): Promise<void> {
    const directory = join(runDir, 'cni-deletions');
    const names = await readdir(directory).catch(() => []);
    for (const name of names.filter((one) => !one.startsWith('.')))
      await this.#carryOut(join(directory, name));
    this.#open();
  }

  async #carryOut(path: string): Promise<void> {
    const body = await readBody(path);
    if (body === undefined) {
      this.#log.warn({ path }, 'a deletion left by the CNI plugin cannot be read');
    } else {
      const { code, document } = await this.#door.answer(body);
      if (code !== 0)
        this.#log.warn({ path, answer: document }, 'a deletion left by the CNI plugin was refused');
      if (passing.includes(code)) return;
    }
    await rm(path, { force: true });
  }
}

/** Only what is a DEL: nothing else is ever left. */
async function readBody(path: string): Promise<CniBody | undefined> {
  try {
    const body = JSON.parse(await readFile(path, 'utf8')) as CniBody;
    const isDeletion = body.environment['CNI_COMMAND'] === 'DEL' && typeof body.configuration === 'string';
    return isDeletion ? body : undefined;
  } catch {
    return undefined;
  }
}
