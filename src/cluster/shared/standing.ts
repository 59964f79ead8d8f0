// What this host may do by its own clock, whether the store can be reached or not: its claim was good when it was last renewed, and
// is not taken for good up to the very moment at which others may act on its end.

import type { Clock } from '../clock.ts';
import type { RememberedClaim } from '../memory.ts';
import type { LeaseId, Revision } from '../shared-store.ts';

/** Clocks of two machines do not run at the same speed. */
const trustedShare = 0.9;

export interface Term {
  readonly lease: LeaseId;
  readonly ttlSeconds: number;
  /** When the last renewal that came through was sent. */
  readonly renewedAtMs: number;
}

export interface Claim extends Term {
  /** Of the claim's key: whoever writes compares it, and is refused once it is another's or gone. */
  readonly token?: Revision;
  /** False of a new claim: what was held by an earlier one may be another host's by now. */
  readonly covers: boolean;
}

export class Standing {
  claim: Claim | undefined;
  liveness: Term | undefined;
  readonly #clock: Clock;
  readonly #bootId: string;

  constructor(clock: Clock, bootId: string, remembered: RememberedClaim | undefined) {
    this.#clock = clock;
    this.#bootId = bootId;
    this.claim = remembered && this.#recall(remembered);
  }

  /** This host alone gives the addresses of its blocks. */
  isSafe(): boolean {
    return this.claim?.covers === true && this.#clock.nowMs() < this.safeUntilMs();
  }

  safeUntilMs(): number {
    if (this.claim === undefined) return Number.NEGATIVE_INFINITY;
    return this.claim.renewedAtMs + this.claim.ttlSeconds * 1000 * trustedShare;
  }

  remember(): RememberedClaim | undefined {
    if (this.claim === undefined) return undefined;
    const { lease, ttlSeconds, renewedAtMs } = this.claim;
    return { lease, ttlSeconds, renewedAtMs, bootId: this.#bootId };
  }

  /** Of a time before the machine was started nothing can be said. */
  #recall({ bootId, ...term }: RememberedClaim): Claim {
    const renewedAtMs = bootId === this.#bootId ? term.renewedAtMs : Number.NEGATIVE_INFINITY;
    return { ...term, renewedAtMs, covers: true };
  }
}
