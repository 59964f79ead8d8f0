// DELs that came while the daemon was away: the plugin left them in the run directory, and they are carried out at the start.
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../base/log.ts';
import type { CniDoor } from './door.ts';
import type { CniBody } from './protocol.ts';

/** Carries out what the plugin left; a file goes when its deletion is done, or can never be. */
export async function carryOutDeletions(door: CniDoor, runDir: string, log: Log): Promise<void> {
  const directory = join(runDir, 'cni-deletions');
  const names = await readdir(directory).catch(() => []);
  for (const name of names.filter((one) => !one.startsWith('.'))) {
    const path = join(directory, name);
    const body = await readBody(path);
    if (body === undefined) {
      log.warn({ path }, 'a deletion left by the CNI plugin cannot be read');
    } else {
      const { code, document } = await door.answer(body);
      if (code !== 0) log.warn({ path, answer: document }, 'a deletion left by the CNI plugin was refused');
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
