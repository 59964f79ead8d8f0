// What a watch of a shared store tells, kept for tests, and held to the contract: nothing before its start but the end, nothing after it.
import type { Revision, StoreEvent, WatchListener } from '../../src/cluster/shared-store.ts';

export class StoreListener implements WatchListener {
  isStarted = false;
  /** As they were told: those of one call together. */
  readonly batches: (readonly StoreEvent[])[] = [];
  /** The highest told of. */
  revision: Revision = 0;
  end: { readonly reason: 'compacted' | 'interrupted'; readonly message: string } | undefined;
  /** What should not have been told. */
  readonly faults: string[] = [];

  get events(): readonly StoreEvent[] {
    return this.batches.flat();
  }

  onStart(): void {
    this.#told('start');
    this.isStarted = true;
  }

  onEvents(events: readonly StoreEvent[], revision: Revision): void {
    this.#told('events');
    const revisions = events.map(revisionOf);
    const isInOrder = revisions.every((each, index) => each >= (revisions[index - 1] ?? this.revision + 1));
    if (events.length === 0 || !isInOrder) this.faults.push(`${revisions} after ${this.revision}`);
    if (revision < Math.max(...revisions)) this.faults.push(`${revisions} up to ${revision}`);
    this.batches.push(events);
    this.revision = revision;
  }

  onProgress(revision: Revision): void {
    this.#told('progress');
    if (revision < this.revision) this.faults.push(`progress to ${revision} after ${this.revision}`);
    this.revision = revision;
  }

  onEnd(reason: 'compacted' | 'interrupted', message: string): void {
    this.#told('end');
    this.end = { reason, message };
  }

  #told(what: string): void {
    if (this.end !== undefined) this.faults.push(`${what} after the end`);
  }
}

export function revisionOf(event: StoreEvent): Revision {
  return 'put' in event ? event.put.modRevision : event.revision;
}

/** `+key=value` and `-key`, as they are read. */
export function describeEvent(event: StoreEvent): string {
  return 'put' in event ? `+${event.put.key}=${event.put.value}` : `-${event.deleted}`;
}
