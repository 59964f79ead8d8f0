// Tables that last as long as the process that made them, in any namespace: the kernel removes them with their owner's socket.
import { close } from 'node:fs';
import { promisify } from 'node:util';
import { native } from '../native.ts';
import type { Batch } from './batch.ts';

export interface HeldTable {
  /** The owner's socket: whoever holds a duplicate keeps the table too. */
  readonly fd: number;
  /** Changes the table, as nobody else can. Errors: those of the kernel, with `code`. */
  commit(batch: Batch): Promise<void>;
  /** Resolves when the table is gone. Must not be repeated. */
  release(): Promise<void>;
}

/** The table whose owner's socket that is. */
export function heldBy(socket: number): HeldTable {
  return {
    fd: socket,
    commit: (change) => native.commitBy(socket, change.finish()),
    // Not on the event loop: the kernel waits for all packets under way to have passed the table.
    release: () => closeSocket(socket),
  };
}

const closeSocket = promisify(close);
