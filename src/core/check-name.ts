// Names of networks and sandboxes.
import { NetError } from '../base/errors.ts';

/** Errors: `invalid_parameter`. */
export function checkName(kind: 'network' | 'sandbox' | 'alias' | 'hostname', name: string): string {
  if (name.length > 63) {
    throw new NetError(
      'invalid_parameter',
      `${kind} name ${name.slice(0, 20)}… has ${name.length} characters; at most 63 are allowed`,
    );
  }
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name)) {
    throw new NetError(
      'invalid_parameter',
      `${kind} name "${name}" is not of the form [a-zA-Z0-9][a-zA-Z0-9_.-]*`,
    );
  }
  return name;
}
