// Repairing what others change in the kernel, when the kernel tells of it.
import type { LinkChange } from '../sandbox/sandbox.ts';
import { check, repairFirewall, repairNetwork, repairSandboxes } from './check.ts';
import { attachmentOf } from './desired.ts';
import type { Parts } from './parts.ts';

/** Changes that come this close together are looked at together. */
const settleMs = 20;

export class Healer {
  readonly #parts: Parts;
  readonly #alone: (work: () => Promise<void>) => Promise<void>;
  readonly #changed = new Set<string>();
  #all = false;
  #rules = false;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #stop = () => {};
  #closed = false;

  /** `alone` runs work while nothing else changes records or kernel. */
  constructor(parts: Parts, alone: (work: () => Promise<void>) => Promise<void>) {
    this.#parts = parts;
    this.#alone = alone;
  }

  start(): void {
    this.#parts.firewall.onForeignChange((who) => {
      this.#parts.log.warn({ who }, 'the rules were changed by somebody else');
      this.#rules = true;
      this.#schedule();
    });
    this.#stop = this.#parts.links.watch((change) => this.#note(change));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stop();
    clearTimeout(this.#timer);
    await this.#running;
  }

  #note(change: LinkChange): void {
    if (change === 'overrun') this.#all = true;
    else this.#changed.add(change.ifname);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#closed || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#running = this.#running.then(() => this.#heal());
    }, settleMs);
  }

  async #heal(): Promise<void> {
    try {
      await this.#alone(() => this.#repair());
    } catch (error) {
      this.#parts.log.error({ reason: String(error) }, 'could not repair');
    }
  }

  async #repair(): Promise<void> {
    const [all, rules, changed] = [this.#all, this.#rules, new Set(this.#changed)];
    this.#all = false;
    this.#rules = false;
    this.#changed.clear();
    if (all) {
      await check(this.#parts, { fix: true });
      return;
    }
    if (rules) await repairFirewall(this.#parts);
    if (changed.size > 0) await this.#repairLinks(changed);
  }

  async #repairLinks(changed: ReadonlySet<string>): Promise<void> {
    const { networks, endpoints, sandboxes } = this.#parts.store.state;
    for (const network of networks.values()) {
      if (changed.has(network.options['bridge'] ?? '')) await repairNetwork(this.#parts, network);
    }
    const affected = new Set<string>();
    for (const endpoint of endpoints.values()) {
      const link = attachmentOf(this.#parts, endpoint)?.link;
      if (link?.kind === 'veth' && changed.has(link.hostIfname)) affected.add(endpoint.sandboxId);
    }
    await repairSandboxes(
      this.#parts,
      [...sandboxes.values()].filter(({ id }) => affected.has(id)),
    );
  }
}
