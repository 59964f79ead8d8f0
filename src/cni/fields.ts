// Members of a JSON object, read as Go's encoding/json reads them: keys in any case, null as if it were not there.
import { CniError, cniCode } from './errors.ts';

export class Fields {
  /** Where the object is in its document, for messages; empty for the document itself. */
  readonly path: string;
  readonly #members = new Map<string, unknown>();
  readonly #folded = new Map<string, unknown>();

  /** Errors: 6 for anything but an object. */
  constructor(value: unknown, path: string) {
    if (!isObject(value)) throw mismatch(path, value, 'an object');
    this.path = path;
    for (const [key, member] of Object.entries(value)) {
      this.#members.set(key, member);
      this.#folded.set(key.toLowerCase(), member);
    }
  }

  /** Whether the key is there, be it with the value null. */
  names(key: string): boolean {
    return this.#members.has(key) || this.#folded.has(key.toLowerCase());
  }

  /** Undefined for null, too. A key written exactly so is preferred to one in other letters. */
  value(key: string): unknown {
    const value = this.#members.has(key) ? this.#members.get(key) : this.#folded.get(key.toLowerCase());
    return value ?? undefined;
  }

  /** Where a member is, for messages. */
  at(key: string): string {
    return this.path === '' ? key : `${this.path}.${key}`;
  }

  string(key: string): string | undefined {
    return this.#typed(key, isString, 'a string');
  }

  /** A string that says something: an empty one is as good as none. */
  text(key: string): string | undefined {
    return this.string(key) || undefined;
  }

  boolean(key: string): boolean | undefined {
    return this.#typed(key, isBoolean, 'true or false');
  }

  /** A boolean, or its name in a string. */
  flag(key: string): boolean | undefined {
    const value = this.value(key);
    if (value === 'true') return true;
    if (value === 'false') return false;
    return this.boolean(key);
  }

  /** Errors: 6 for anything but an integer, 7 for one below `least` or above `most`. */
  integer(
    key: string,
    { least = 0, most = Number.MAX_SAFE_INTEGER }: { readonly least?: number; readonly most?: number } = {},
  ): number | undefined {
    const value = this.#typed(key, isInteger, 'an integer');
    if (value === undefined || (value >= least && value <= most)) return value;
    const limits = most >= Number.MAX_SAFE_INTEGER ? `${least} or more` : `from ${least} to ${most}`;
    throw this.bad(key, limits);
  }

  object(key: string): Fields | undefined {
    const value = this.value(key);
    return value === undefined ? undefined : new Fields(value, this.at(key));
  }

  /** Each item with its path. */
  list<T>(key: string, read: (item: unknown, path: string) => T): readonly T[] | undefined {
    const value = this.value(key);
    return value === undefined ? undefined : readList(value, this.at(key), read);
  }

  objects<T>(key: string, read: (item: Fields) => T): readonly T[] | undefined {
    return this.list(key, (item, path) => read(new Fields(item, path)));
  }

  strings(key: string): readonly string[] | undefined {
    return this.list(key, readString);
  }

  stringMap(key: string): ReadonlyMap<string, string> | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    if (!isObject(value)) throw mismatch(this.at(key), value, 'an object');
    return new Map(
      Object.entries(value).map(([name, item]) => [name, readString(item, `${this.at(key)}.${name}`)]),
    );
  }

  /** The error for a member whose value is none of those there can be. */
  bad(key: string, wanted: string): CniError {
    return new CniError(
      cniCode.badConfiguration,
      `${this.at(key)}: ${JSON.stringify(this.value(key))} is not ${wanted}`,
    );
  }

  #typed<T>(key: string, is: (value: unknown) => value is T, wanted: string): T | undefined {
    const value = this.value(key);
    if (value === undefined || is(value)) return value;
    throw mismatch(this.at(key), value, wanted);
  }
}

/** Errors: 6 for what is not JSON, or not an object. */
export function parseFields(text: string, what: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const details = cause instanceof Error ? cause.message : String(cause);
    throw new CniError(cniCode.undecodable, `${what} is not JSON`, { cause, details });
  }
  if (!isObject(value)) throw mismatch(what, value, 'an object');
  return new Fields(value, '');
}

/** Null items are left as they are, for `read` to judge. */
export function readList<T>(
  value: unknown,
  path: string,
  read: (item: unknown, path: string) => T,
): readonly T[] {
  if (!Array.isArray(value)) throw mismatch(path, value, 'a list');
  return value.map((item, index) => read(item, `${path}[${index}]`));
}

export function readString(value: unknown, path: string): string {
  if (!isString(value)) throw mismatch(path, value, 'a string');
  return value;
}

function mismatch(path: string, value: unknown, wanted: string): CniError {
  const text = JSON.stringify(value) ?? 'nothing';
  const shown = text.length > 60 ? `${text.slice(0, 57)}...` : text;
  return new CniError(cniCode.undecodable, `${path}: ${shown} is not ${wanted}`);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === 'boolean';
}

function isInteger(value: unknown): value is number {
  return Number.isInteger(value);
}
