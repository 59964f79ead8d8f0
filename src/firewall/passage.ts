// The contract of what gets networks past the firewalls of others: a packet must be accepted by every one it meets.
import type { Difference } from '../model/difference.ts';

/** Nothing here rejects but what only looks: networks are made and changed whatever others' firewalls do. */
export interface Passage {
  /** Looks at the firewalls of others, whatever is known of them, and brings about what these bridges need. From then on their changes are heard. */
  bringAbout(bridges: Iterable<string>): Promise<void>;
  /** After networks came or went. */
  follow(bridges: Iterable<string>): Promise<void>;
  /** What differs from what these bridges need. */
  inspect(bridges: Iterable<string>): Promise<readonly Difference[]>;
  /** What is in the way and is the administrator's alone to change. */
  notes(bridges: Iterable<string>): Promise<readonly Difference[]>;
  /** What is there stays. */
  close(): Promise<void>;
}
