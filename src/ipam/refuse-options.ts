// `--ipam-opt` for the drivers that take none.
import { NetError } from '../base/errors.ts';

/** Errors: `invalid_parameter` for any key. */
export function refuseOptions(
  driver: string,
  raw: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const [key] = Object.keys(raw);
  if (key === undefined) return raw;
  throw new NetError('invalid_parameter', `unknown IPAM option ${key}: driver ${driver} has no options`);
}
