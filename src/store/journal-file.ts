// A file that grows by whole records: what could not be written as a whole is cut off again.
import { closeSync, fdatasync, ftruncateSync, openSync, renameSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { NetError } from '../base/errors.ts';

/** The system calls by which records reach the disk. */
export interface FileCalls {
  write(fd: number, bytes: Uint8Array, position: number): number;
  truncate(fd: number, size: number): void;
  /** Off the event loop. */
  flush(fd: number): Promise<void>;
}

export const systemCalls: FileCalls = {
  write: (fd, bytes, position) => writeSync(fd, bytes, 0, bytes.length, position),
  truncate: ftruncateSync,
  flush: promisify(fdatasync),
};

export class JournalFile {
  #path: string;
  readonly #fd: number;
  readonly #calls: FileCalls;
  #size: number;
  #hasTail: boolean;

  /** Opens or makes the file; whatever is beyond `size` bytes is cut off before the first record is appended. */
  constructor(path: string, size: number, calls: FileCalls) {
    this.#path = path;
    this.#fd = openSync(path, size === 0 ? 'w' : 'r+', 0o600);
    this.#calls = calls;
    this.#size = size;
    this.#hasTail = size > 0;
  }

  get path(): string {
    return this.#path;
  }

  get size(): number {
    return this.#size;
  }

  /** Appends all of it by one write, or nothing. Errors: `unavailable`. */
  append(bytes: Uint8Array): void {
    try {
      if (this.#hasTail) this.#cut();
      this.#hasTail = true;
      const written = this.#calls.write(this.#fd, bytes, this.#size);
      if (written < bytes.length) {
        this.#cut();
        throw new Error(`only ${written} of ${bytes.length} bytes could be written`);
      }
      this.#size += bytes.length;
      this.#hasTail = false;
    } catch (error) {
      throw unavailable(this.#path, error);
    }
  }

  /** Errors: `unavailable`; then nothing is known of what was appended since the last flush. */
  async flush(): Promise<void> {
    try {
      await this.#calls.flush(this.#fd);
    } catch (error) {
      throw unavailable(this.#path, error);
    }
  }

  /** Errors: `unavailable`. */
  rename(path: string): void {
    try {
      renameSync(this.#path, path);
    } catch (error) {
      throw unavailable(path, error);
    }
    this.#path = path;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #cut(): void {
    this.#calls.truncate(this.#fd, this.#size);
    this.#hasTail = false;
  }
}

export function unavailable(path: string, cause: unknown): NetError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new NetError('unavailable', `cannot write ${path}: ${reason}`, { cause });
}
