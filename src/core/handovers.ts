// Offered interfaces, until their container engine has taken them: the kernel tells when one leaves the host.
import type { EndpointId } from '../model/ids.ts';
import type { Sandbox } from '../model/sandbox.ts';
import type { LinkChange } from '../sandbox/sandbox.ts';
import { attachmentOf } from './desired.ts';
import type { Locks } from './locks.ts';
import { endpointsOfSandbox, sandboxOf } from './lookup.ts';
import type { Parts } from './parts.ts';
import { startResolver } from './sandbox-names.ts';

/**
 * An interface that was taken is renamed and configured by its taker within milliseconds, or whenever a busy host lets it.
 * To look sooner would hold the taker up, which asks us more meanwhile.
 */
const firstPauseMs = 15;
const longestPauseMs = 100;
const patienceMs = 5_000;
const patientPauseMs = 10_000;

export class Handovers {
  readonly #parts: Parts;
  readonly #locks: Locks;
  readonly #following = new Map<EndpointId, Pauses>();
  #stop = () => {};
  #closed = false;

  constructor(parts: Parts, locks: Locks) {
    this.#parts = parts;
    this.#locks = locks;
  }

  /** Looks at what was offered before, then follows the kernel. */
  start(): void {
    this.#stop = this.#parts.links.watch((change) => this.#note(change));
    this.#note('overrun');
  }

  close(): void {
    this.#closed = true;
    this.#stop();
  }

  /** Brings the records up to where an endpoint's interface is. True when nothing is left to wait for. */
  async settle(id: EndpointId): Promise<boolean> {
    const { state } = this.#parts.store;
    const known = state.endpoints.get(id);
    if (known === undefined) return true;
    return this.#locks.run({ exclusive: [`sandbox:${known.sandboxId}`] }, async () => {
      const endpoint = state.endpoints.get(id);
      if (endpoint?.engine !== 'offered' || endpoint.pending === true) return true;
      const sandbox = sandboxOf(state, endpoint);
      const attachment = attachmentOf(this.#parts, endpoint);
      const path = pathOf(sandbox);
      if (attachment === undefined || path === undefined) return true;
      const found = await this.#parts.sandboxes.findTaken(path, attachment);
      if (found === undefined) return false;
      const settled: Sandbox = { ...sandbox, namespace: found.namespace };
      await this.#parts.store.commit([
        { put: 'sandbox', value: settled },
        { put: 'endpoint', value: { ...endpoint, ifname: found.ifname, engine: 'taken' } },
      ]);
      await startResolver(this.#parts, settled, endpointsOfSandbox(state, sandbox.id));
      return true;
    });
  }

  #note(change: LinkChange): void {
    for (const { id, ifname, engine, pending } of this.#parts.store.state.endpoints.values()) {
      if (engine !== 'offered' || pending === true) continue;
      if (change === 'overrun' || change.ifname === ifname) void this.#follow(id);
    }
  }

  async #follow(id: EndpointId): Promise<void> {
    const followed = this.#following.get(id);
    if (followed !== undefined) return followed.restart();
    const pauses = new Pauses();
    this.#following.set(id, pauses);
    try {
      do await pauses.next();
      while (!this.#closed && !(await this.settle(id)));
    } catch (error) {
      this.#parts.log.warn({ endpoint: id, reason: String(error) }, 'could not follow an interface');
    } finally {
      this.#following.delete(id);
    }
  }
}

function pathOf({ namespace }: Sandbox): string | undefined {
  if (namespace.kind === 'awaited') return namespace.expectedPath;
  return namespace.kind === 'adopted' ? namespace.path : undefined;
}

/** Ever longer, and short again when something has happened. */
class Pauses {
  #pauseMs = firstPauseMs;
  #patientFrom = performance.now() + patienceMs;
  #end = () => {};

  next(): Promise<void> {
    const isPatient = performance.now() >= this.#patientFrom;
    const ms = isPatient ? patientPauseMs : Math.min(this.#pauseMs, longestPauseMs);
    this.#pauseMs *= 2;
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms).unref();
      this.#end = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  restart(): void {
    this.#pauseMs = firstPauseMs;
    this.#patientFrom = performance.now() + patienceMs;
    this.#end();
  }
}
