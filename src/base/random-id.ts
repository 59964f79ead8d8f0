// Random identifiers.
import { randomBytes } from 'node:crypto';

/** 64 hex digits. */
export function randomId(): string {
  return randomBytes(32).toString('hex');
}
