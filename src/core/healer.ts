// Repairing what others change in the kernel, when the kernel tells of it.
import type { Network } from '../model/network.ts';
import type { Sandbox } from '../model/sandbox.ts';
import type { LinkChange } from '../sandbox/sandbox.ts';
import { check, repairFirewall, repairNetwork, repairSandboxes } from './check.ts';
import { attachmentOf } from './desired.ts';
import { driverOf } from './lookup.ts';
import type { Parts } from './parts.ts';

/** Changes that come this close together are looked at together. */
const settleMs = 20;
/** Whoever undoes a repair again and again is not fought at full speed: the wait doubles each time, up to this. */
const maxWaitMs = 10_000;
/** Nobody tells when the path of a namespace is taken away; our own sockets in it may keep its interfaces. */
const vanishedMs = 20_000;

/** What is looked at besides links, which have names. */
const everything = Symbol('everything');
const rules = Symbol('rules');
type Subject = string | typeof everything | typeof rules;

interface Look {
  readonly atMs: number;
  readonly waitMs: number;
}

export class Healer {
  readonly #parts: Parts;
  readonly #alone: (work: () => Promise<void>) => Promise<void>;
  /** When what changed is to be looked at. */
  readonly #due = new Map<Subject, Look>();
  /** When it was looked at last. */
  readonly #looks = new Map<Subject, Look>();
  #timer: NodeJS.Timeout | undefined;
  #interval: NodeJS.Timeout | undefined;
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
      this.#note(rules);
    });
    this.#stop = this.#parts.links.watch((change: LinkChange) =>
      this.#note(change === 'overrun' ? everything : change.ifname),
    );
    this.#interval = setInterval(() => this.#run(() => this.#forgetVanished()), vanishedMs).unref();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stop();
    clearTimeout(this.#timer);
    clearInterval(this.#interval);
    await this.#running;
  }

  #note(subject: Subject): void {
    if (this.#due.has(subject)) return;
    const now = performance.now();
    const last = this.#looks.get(subject);
    const waitMs =
      last === undefined || hasLasted(last, now) ? settleMs : Math.min(last.waitMs * 2, maxWaitMs);
    this.#due.set(subject, { atMs: now + waitMs, waitMs });
    this.#schedule();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#closed || this.#due.size === 0) return;
    const next = Math.min(...[...this.#due.values()].map(({ atMs }) => atMs));
    this.#timer = setTimeout(
      () => {
        this.#run(() => this.#heal(this.#takeDue()));
        this.#schedule();
      },
      Math.max(0, next - performance.now()),
    );
  }

  #takeDue(): ReadonlySet<Subject> {
    const now = performance.now();
    for (const [subject, look] of this.#looks) if (hasLasted(look, now)) this.#looks.delete(subject);
    const due = [...this.#due].filter(([, { atMs }]) => atMs <= now + 1);
    for (const [subject, { waitMs }] of due) {
      this.#due.delete(subject);
      this.#looks.set(subject, { atMs: now, waitMs });
    }
    return new Set(due.map(([subject]) => subject));
  }

  #run(work: () => Promise<void>): void {
    this.#running = this.#running.then(work).catch((error: unknown) => {
      this.#parts.log.error({ reason: String(error) }, 'could not repair');
    });
  }

  /** Changes of others' links, and of ours by ourselves, are most: for them nobody is held up. */
  async #heal(changed: ReadonlySet<Subject>): Promise<void> {
    const concerned =
      changed.has(everything) ||
      changed.has(rules) ||
      this.#networksOn(changed).length > 0 ||
      this.#sandboxesOn(changed).length > 0;
    if (concerned) await this.#alone(() => this.#repair(changed));
  }

  async #repair(changed: ReadonlySet<Subject>): Promise<void> {
    if (changed.has(everything)) {
      await check(this.#parts, { fix: true });
      return;
    }
    if (changed.has(rules)) await repairFirewall(this.#parts);
    for (const network of this.#networksOn(changed)) await repairNetwork(this.#parts, network);
    await repairSandboxes(this.#parts, this.#sandboxesOn(changed));
  }

  #networksOn(changed: ReadonlySet<Subject>): readonly Network[] {
    return [...this.#parts.store.state.networks.values()].filter((network) =>
      driverOf(this.#parts, network)
        .hostLinks?.(network)
        .some((name) => changed.has(name)),
    );
  }

  #sandboxesOn(changed: ReadonlySet<Subject>): readonly Sandbox[] {
    const { endpoints, sandboxes } = this.#parts.store.state;
    const affected = new Set<string>();
    for (const endpoint of endpoints.values()) {
      if (endpoint.pending === true) continue;
      const { link, shaping } = attachmentOf(this.#parts, endpoint) ?? {};
      const names = [link?.kind === 'veth' && link.hostIfname, shaping?.ifbName];
      if (names.some((name) => name && changed.has(name))) affected.add(endpoint.sandboxId);
    }
    return [...sandboxes.values()].filter(({ id }) => affected.has(id));
  }

  async #forgetVanished(): Promise<void> {
    const gone: Sandbox[] = [];
    for (const sandbox of this.#parts.store.state.sandboxes.values()) {
      if (sandbox.namespace.kind !== 'adopted' || sandbox.pending === true) continue;
      if (!(await this.#parts.sandboxes.exists(sandbox.namespace))) gone.push(sandbox);
    }
    if (gone.length > 0) await this.#alone(() => repairSandboxes(this.#parts, gone.filter(this.#isRecorded)));
  }

  readonly #isRecorded = ({ id }: Sandbox): boolean => this.#parts.store.state.sandboxes.has(id);
}

/** Whether what was done then has held for so long that the next change is no answer to it. */
function hasLasted({ atMs, waitMs }: Look, now: number): boolean {
  return now - atMs > 1000 + waitMs * 5;
}
