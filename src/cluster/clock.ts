// Time as the cluster needs it: sleeping counts, setting the clock does not.

export interface Clock {
  /** Milliseconds since some moment, those the machine was asleep included (CLOCK_BOOTTIME). */
  nowMs(): number;
  /** Returns a cancel function. A machine that slept is late. */
  after(delayMs: number, work: () => void): () => void;
  /** A number from 0 to less than 1, so that hosts do not all act at one moment. */
  random(): number;
}
