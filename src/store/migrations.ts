// How records of older versions become today's.

/** A `put` as it was written, of whatever version. */
export interface RawPut {
  readonly put: string;
  readonly key?: string;
  readonly value: unknown;
}

/** Turns all records of one schema version into those of the next. Pure. */
export type Migration = (records: readonly RawPut[]) => readonly RawPut[];

/** The first leads from version 1 to 2, and so on. One that was released is never changed. */
export const migrations: readonly Migration[] = [
  // 2: what container engines hold is recorded; what was there stays as it is.
  (records) => records,
  // 3: allowances are recorded, and the askers of published ports.
  (records) => records,
];
