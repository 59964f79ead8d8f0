// The sysctls an administrator lets configurations set: where the file of the tuning plugin is, it counts here as well.
import { readFile } from 'node:fs/promises';
import { NetError } from '../base/errors.ts';
import { CniError, cniCode } from './errors.ts';

const allowlistPath = '/etc/cni/tuning/allowlist.conf';

/** Each line of the file is a regular expression for whole keys. Errors: 7 naming the key and the file. */
export async function checkAllowed(keys: Iterable<string>, path = allowlistPath): Promise<void> {
  const wanted = [...keys];
  if (wanted.length === 0) return;
  const allowed = await readAllowlist(path);
  const refused = allowed && wanted.find((key) => !allowed.some((pattern) => pattern.test(key)));
  if (refused === undefined) return;
  throw new CniError(cniCode.badConfiguration, `sysctl: ${refused} is not among those ${path} allows`);
}

/** Undefined when there is no file: then all are allowed. */
async function readAllowlist(path: string): Promise<readonly RegExp[] | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new NetError('unavailable', `${path} cannot be read`, { cause: error });
  });
  return text
    ?.split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => compile(line, path));
}

function compile(line: string, path: string): RegExp {
  try {
    return new RegExp(`^(?:${line})$`);
  } catch (cause) {
    throw new NetError('invalid_parameter', `${path}: ${line} is not a regular expression`, { cause });
  }
}
