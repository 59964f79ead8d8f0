// Joining a network that may be deleted between the moment it is found or made and the moment it is joined.
import type { RuntimeController } from '../core/runtime-requests.ts';
import type { Network } from '../model/network.ts';
import { CniError, cniCode, toCniError } from './errors.ts';

/** Whoever deletes networks this often is not fought. */
const attempts = 3;

/** `join` is given what `prepare` found or made, which is done anew where that is gone. Errors: theirs; 11 when it is gone every time. */
export async function joinNetwork<Prepared extends { readonly network: Network }, Joined>(
  core: RuntimeController,
  prepare: () => Promise<Prepared>,
  join: (prepared: Prepared) => Promise<Joined>,
): Promise<Joined> {
  let gone: unknown;
  let name = '';
  for (let attempt = 0; attempt < attempts; attempt++) {
    const prepared = await prepare();
    try {
      return await join(prepared);
    } catch (error) {
      if (isRecorded(core, prepared.network)) throw error;
      gone = error;
      name = prepared.network.name;
    }
  }
  throw new CniError(cniCode.tryAgain, `network ${name} was deleted before it could be joined`, {
    cause: gone,
  });
}

function isRecorded(core: RuntimeController, { id }: Network): boolean {
  try {
    core.network(id);
    return true;
  } catch (error) {
    if (toCniError(error).code === cniCode.notFound) return false;
    throw error;
  }
}
