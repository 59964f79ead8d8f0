// What the name service tells of by itself, made events and lines of the log.
import type { Log } from '../base/log.ts';
import { duplicateNameEvent, type EventBus, upstreamEvent } from '../core/events.ts';
import type { NameServiceOptions } from '../dns/engine.ts';

export function nameEvents(
  events: EventBus,
  log: Log,
): Required<Pick<NameServiceOptions, 'onDuplicate' | 'onUpstream'>> {
  return {
    onUpstream: (change) => events.emit(upstreamEvent(change)),
    onDuplicate: ({ name, claims }) => {
      const event = duplicateNameEvent(name, claims);
      log.warn(event.attributes, 'several sandboxes claim a name');
      events.emit(event);
    },
  };
}
