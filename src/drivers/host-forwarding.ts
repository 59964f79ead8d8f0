// The contract of the host's own switch for packets that pass between its interfaces.
import type { Difference } from '../model/difference.ts';

/** The families that networks need it for. */
export interface ForwardingNeed {
  readonly ipv4: boolean;
  readonly ipv6: boolean;
}

export interface HostForwarding {
  /**
   * Switches on what is needed and off; what is needed no more gets the value it had before, if nobody else changed it meanwhile
   * or has come to rely on it.
   * May be repeated. Errors: `unavailable`, naming the sysctl.
   */
  bringAbout(need: ForwardingNeed): Promise<void>;
  /** What is needed and off. */
  inspect(need: ForwardingNeed): Promise<readonly Difference[]>;
  /** What is on for our sake, with the value it had. */
  notes(): readonly Difference[];
}

/** A sysctl of the host that was changed. */
export interface ChangedSysctl {
  readonly before: string;
  readonly written: string;
  /** Bridges of others that were there, and did without. */
  readonly beside?: readonly string[];
}

/** Where the values that sysctls had before are kept, by their paths, beyond the life of the process. */
export interface ChangedSysctls {
  read(): Readonly<Record<string, ChangedSysctl>>;
  write(changed: Readonly<Record<string, ChangedSysctl>>): Promise<void>;
}
