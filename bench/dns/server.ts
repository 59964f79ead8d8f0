// What is asked for names, where it is, and who asks.
import type { TestHost } from '../../test/support/test-host.ts';

export interface Server {
  readonly name: string;
  readonly address: string;
  readonly pid: number;
}

/** Where servers run. */
export interface Place {
  readonly host: TestHost;
  /** For their settings. */
  readonly folder: string;
  /** What bench/floor/dns.c makes. */
  readonly program: string;
}

/** The sandbox that asks. */
export const asker = 'asker';

/** The command in that sandbox. */
export function inside(command: readonly string[]): readonly string[] {
  return ['ip', 'netns', 'exec', asker, ...command];
}
