// Events: what changed, told to whoever listens, the last thousand kept for late listeners.
import { EventEmitter } from 'node:events';
import type { Endpoint } from '../model/endpoint.ts';
import type { Event } from '../model/event.ts';
import type { Network } from '../model/network.ts';
import type { Sandbox } from '../model/sandbox.ts';

const kept = 1000;

export class EventBus {
  readonly #emitter = new EventEmitter().setMaxListeners(0);
  readonly #recent: Event[] = [];

  emit(event: Omit<Event, 'time'>): void {
    const last = this.#recent.at(-1)?.time ?? 0;
    const stamped = { time: Math.max(Date.now(), last + 1), ...event };
    this.#recent.push(stamped);
    if (this.#recent.length > kept) this.#recent.shift();
    this.#emitter.emit('event', stamped);
  }

  /** Calls back for kept events from `since` (ms since 1970) on, then for new ones, until the returned function is called. */
  subscribe(listener: (event: Event) => void, since?: number): () => void {
    if (since !== undefined) for (const event of this.#recent) if (event.time >= since) listener(event);
    this.#emitter.on('event', listener);
    return () => this.#emitter.off('event', listener);
  }
}

/** A sandbox joined or left a network. */
export function membershipEvent(
  action: 'connect' | 'disconnect',
  { network, sandbox }: { readonly network: Network; readonly sandbox: Sandbox },
  endpoint: Endpoint,
): Omit<Event, 'time'> {
  return {
    type: 'network',
    action,
    id: network.id,
    attributes: {
      name: network.name,
      driver: network.driver,
      sandbox: sandbox.id,
      sandboxName: sandbox.name,
      endpoint: endpoint.id,
    },
  };
}
