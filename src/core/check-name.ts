// Names of networks and sandboxes.
import { NetError } from '../base/errors.ts';

const longest = 63;
const form = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

export function isName(text: string): boolean {
  return text.length <= longest && form.test(text);
}

/** Errors: `invalid_parameter`. */
export function checkName(kind: 'network' | 'sandbox' | 'alias' | 'hostname', name: string): string {
  if (name.length > longest) {
    throw new NetError(
      'invalid_parameter',
      `${kind} name ${name.slice(0, 20)}… has ${name.length} characters; at most ${longest} are allowed`,
    );
  }
  if (!form.test(name)) {
    throw new NetError(
      'invalid_parameter',
      `${kind} name "${name}" is not of the form [a-zA-Z0-9][a-zA-Z0-9_.-]*`,
    );
  }
  return name;
}
