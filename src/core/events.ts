// Events: what changed, told to whoever listens, the last thousand kept for late listeners.
import { EventEmitter } from 'node:events';
import { portsText } from '../model/allowance.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { Event } from '../model/event.ts';
import { type SandboxId, shortId } from '../model/ids.ts';
import type { NameEntry } from '../model/name-entry.ts';
import type { Network } from '../model/network.ts';
import type { Sandbox } from '../model/sandbox.ts';
import type { AllowanceView } from '../model/view.ts';

const kept = 1000;

export class EventBus {
  readonly #emitter = new EventEmitter().setMaxListeners(0);
  readonly #recent: Event[] = [];

  emit(event: NewEvent): void {
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

type NewEvent = Omit<Event, 'time'>;
type Attributes = Event['attributes'];

export function networkEvent(action: string, network: Network, more: Attributes = {}): NewEvent {
  const { id, name, driver, labels } = network;
  return { type: 'network', action, id, attributes: { name, driver, ...more }, ...ifAny(labels) };
}

export function sandboxEvent(action: string, sandbox: Sandbox, more: Attributes = {}): NewEvent {
  const { id, name, labels } = sandbox;
  return { type: 'sandbox', action, id, attributes: { name, ...more }, ...ifAny(labels) };
}

/** A sandbox joined or left a network. */
export function membershipEvent(
  action: 'connect' | 'disconnect',
  { network, sandbox }: { readonly network: Network; readonly sandbox: Sandbox },
  endpoint: Endpoint,
): NewEvent {
  const more = { sandbox: sandbox.id, sandboxName: sandbox.name, endpoint: endpoint.id };
  return networkEvent(action, network, more);
}

/** The ends are named as they are when it happens: `network:lab`, `sandbox:web`. */
export function allowanceEvent(
  action: 'create' | 'delete',
  { id, from, to, ports }: AllowanceView,
): NewEvent {
  const ends = { from: `${from.kind}:${from.name}`, to: `${to.kind}:${to.name}` };
  const span = ports === undefined ? {} : { ports: portsText(ports) };
  return { type: 'policy', action, id, attributes: { ...ends, ...span } };
}

/** An upstream nameserver begins to fail, or works again; `sandbox` is the one whose namespace it is asked from. */
export function upstreamEvent(upstream: {
  readonly address: string;
  readonly isFailing: boolean;
  readonly reason?: string;
  readonly sandboxId?: SandboxId;
}): NewEvent {
  const { address, isFailing, reason, sandboxId } = upstream;
  const action = isFailing ? 'upstream_failing' : 'upstream_working';
  const more = {
    ...(reason !== undefined && { reason }),
    ...(sandboxId !== undefined && { sandbox: sandboxId }),
  };
  return { type: 'dns', action, id: address, attributes: { address, ...more } };
}

/** Several sandboxes claim one name where somebody sees both; the newest claim first, on whose network it happened. */
export function duplicateNameEvent(name: string, claims: readonly NameEntry[]): NewEvent {
  const networks = [...new Set(claims.map(({ networkName }) => networkName))].join(', ');
  const sandboxes = [...new Set(claims.map(({ names, sandboxId }) => names[0] ?? shortId(sandboxId)))].join(
    ', ',
  );
  const id = claims[0]?.networkId ?? '';
  return { type: 'dns', action: 'duplicate_name', id, attributes: { name, networks, sandboxes } };
}

function ifAny(labels: Event['attributes']): Pick<Event, 'labels'> {
  return Object.keys(labels).length === 0 ? {} : { labels };
}
