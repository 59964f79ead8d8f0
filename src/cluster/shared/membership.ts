// This host's place in the cluster: registers it, keeps it registered, and registers it again whenever that was lost.
import { NetError } from '../../base/errors.ts';
import { Backoff } from '../backoff.ts';
import type { Revision } from '../shared-store.ts';
import { Acquaintance } from './acquaintance.ts';
import { type Found, judgeRegistration, type Times } from './judge-registration.ts';
import { lookAround } from './look-around.ts';
import type { Recollection } from './recollection.ts';
import { encodeHost, type Schema } from './records.ts';
import type { Site } from './site.ts';
import type { Standing, Term } from './standing.ts';

export interface MembershipHooks {
  /** The store is not the one this host was registered in: what it remembers is put back, as long as the store has nothing else. */
  rebuild(token: Revision): Promise<void>;
  /** The claim is there, but what the store has of this host has to be compared with what there is, before anything is written. */
  settle(token: Revision): Promise<void>;
  /** Whatever depends on the standing, or on being registered, has to be looked at. */
  changed(): void;
}

/** A renewal is remembered when the last one that was is older than this share of its time. */
const rememberedShare = 0.01;

export class Membership {
  readonly #site: Site;
  readonly #times: Times;
  readonly #standing: Standing;
  readonly #recollection: Recollection;
  readonly #hooks: MembershipHooks;
  readonly #backoff: Backoff;
  readonly #acquaintance: Acquaintance;
  #refused: string | undefined;
  #rebuiltUntilMs = Number.NEGATIVE_INFINITY;
  #isRegistered = false;
  #isRenewing = true;
  #isClosed = false;
  #cancelFence = () => {};
  #wake = () => {};

  constructor(
    site: Site,
    own: { readonly times: Times; readonly standing: Standing; readonly recollection: Recollection },
    hooks: MembershipHooks,
  ) {
    this.#site = site;
    this.#times = own.times;
    this.#standing = own.standing;
    this.#recollection = own.recollection;
    this.#acquaintance = new Acquaintance(site, own.times, own.recollection);
    this.#hooks = hooks;
    this.#backoff = new Backoff(site.clock);
  }

  start(): void {
    this.#armFence();
    void this.#run();
  }

  close(): void {
    this.#isClosed = true;
    this.#isRegistered = false;
    this.#cancelFence();
    this.#wake();
  }

  /** Why the cluster does not take this host; undefined when it does, or when that is not known. */
  get refused(): string | undefined {
    return this.#refused;
  }

  /** Undefined before the first look at the store. */
  get schema(): Schema | undefined {
    return this.#acquaintance.schema;
  }

  /** Registered, and the last renewal came through. */
  get isJoined(): boolean {
    return this.#isRegistered && this.#isRenewing;
  }

  /** What writes have to compare; undefined while this host is not registered. */
  get token(): Revision | undefined {
    return this.#isRegistered && this.#standing.isSafe() ? this.#standing.claim?.token : undefined;
  }

  /** Errors: `unavailable`, saying why nothing can be written now. */
  needToken(): Revision {
    const { token } = this;
    if (token !== undefined) return token;
    const reason = this.#refused ?? this.#site.store.lastError?.message ?? 'it is being registered';
    throw new NetError('unavailable', `this host is not registered in the cluster: ${reason}`);
  }

  /** A write was refused, or a key of this host's is gone: looks whether the claim is still there. Errors: `unavailable`. */
  async verify(token: Revision): Promise<void> {
    const { layout, host, store } = this.#site;
    const { key } = await store.get(layout.claim(host.id));
    if (key?.modRevision === token || this.#standing.claim?.token !== token) return;
    this.#lose();
  }

  /** Whether what the store does not have is gone. Otherwise this host registers anew, and puts it back. Errors: `unavailable`. */
  async knowsStore(): Promise<boolean> {
    const isSame = await this.#acquaintance.isSame();
    if (isSame && this.#isRegistered) return true;
    if (!isSame && this.#isRegistered) {
      this.#isRegistered = false;
      this.#hooks.changed();
      this.#wake();
    }
    return false;
  }

  /** The store has lost what it had last. */
  storeIsSetBack(): void {
    this.#acquaintance.setBack();
    this.#lose();
  }

  /** Other hosts may not have put back yet what they hold. Errors: `unavailable`. */
  refuseWhileRebuilt(what: string): void {
    const leftMs = this.#rebuiltUntilMs - this.#site.clock.nowMs();
    if (leftMs <= 0) return;
    const seconds = Math.ceil(leftMs / 1000);
    throw new NetError(
      'unavailable',
      `${what}: the store was lost, and other hosts have ${seconds} s more to tell it what they hold`,
    );
  }

  /** The host's own record is gone from the store: it is put there again. */
  appearAgain(): void {
    if (!this.#isRegistered) return;
    this.#standing.liveness = undefined;
    this.#wake();
  }

  /** The claim's key is gone. */
  claimIsGone(revision: Revision): void {
    const { claim } = this.#standing;
    if (claim?.token !== undefined && claim.token < revision) this.#lose();
  }

  #lose(): void {
    this.#isRegistered = false;
    this.#standing.claim = undefined;
    this.#hooks.changed();
    this.#wake();
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      try {
        await this.#register();
        this.#backoff.reset();
        await this.#renewUntilLost();
      } catch (error) {
        this.#isRenewing = false;
        this.#site.store.note(error instanceof Error ? error.message : String(error));
        this.#hooks.changed();
        await this.#sleep(this.#backoff.nextMs());
      }
    }
  }

  async #register(): Promise<void> {
    const found = await lookAround(this.#site);
    const { host } = this.#site;
    const judgement = judgeRegistration(host, found, this.#recollection.current, this.#times);
    this.#refused = 'refused' in judgement ? judgement.refused : undefined;
    if ('refused' in judgement) throw new NetError('conflict', judgement.refused);
    await this.#acquaintance.agree(found);
    if (this.#acquaintance.isStrange) this.#isRegistered = false;
    const isKept = judgement.claim === 'keep' && (await this.#keepClaim(found));
    if (!isKept) await this.#makeClaim(found);
    await this.#appear(found);
    const token = this.#standing.claim?.token;
    if (this.#isClosed || token === undefined) return;
    if (!this.#isRegistered) await this.#bringTogether(token);
    if (this.#isClosed || this.#standing.claim?.token !== token) return;
    this.#standing.claim = { ...this.#standing.claim, covers: true };
    this.#isRegistered = true;
    this.#isRenewing = true;
    this.#armFence();
    this.#hooks.changed();
  }

  async #bringTogether(token: Revision): Promise<void> {
    if (this.#acquaintance.isStrange) {
      await this.#hooks.rebuild(token);
      const waitMs = this.#needSchema().leaseSeconds * 1000;
      if (this.#acquaintance.isKnown) this.#rebuiltUntilMs = this.#site.clock.nowMs() + waitMs;
    }
    await this.#recollection.change(this.#acquaintance.toRemember());
    await this.#hooks.settle(token);
  }

  /** False when it ended since it was read. */
  async #keepClaim({ claim: stored }: Found): Promise<boolean> {
    const { claim } = this.#standing;
    const lease = stored?.lease;
    if (stored === undefined || lease === undefined) return false;
    const renewed = await this.#renew(lease);
    if (renewed === undefined) return false;
    const isSame = claim?.lease === lease && (claim.token ?? stored.modRevision) === stored.modRevision;
    if (!isSame) this.#isRegistered = false;
    this.#standing.claim = { ...renewed, token: stored.modRevision, covers: isSame && claim.covers };
    await this.#recollection.change(this.#claimToRemember());
    return true;
  }

  async #makeClaim({ claim: stored }: Found): Promise<void> {
    const { store, layout, host } = this.#site;
    this.#isRegistered = false;
    this.#standing.claim = undefined;
    this.#hooks.changed();
    const { leaseSeconds, graceSeconds } = this.#needSchema();
    const term = await this.#grant(leaseSeconds + graceSeconds);
    this.#standing.claim = { ...term, covers: false };
    // Whatever becomes of the write, the next look tells by the lease whether the claim is this one.
    await this.#recollection.change(this.#claimToRemember());
    const key = layout.claim(host.id);
    const condition =
      stored === undefined ? { key, absent: true as const } : { key, modRevision: stored.modRevision };
    const { applied, revision } = await store.write(
      [condition],
      [{ put: key, value: encodeHost(host), lease: term.lease }],
    );
    if (!applied) throw new NetError('unavailable', 'the claim of this host changed while it was registered');
    this.#standing.claim = { ...term, token: revision, covers: false };
  }

  /** Puts the host's record on a lease that says it lives. */
  async #appear({ hosts }: Found): Promise<void> {
    const { store, layout, host } = this.#site;
    const stored = hosts.find((other) => other.host.id === host.id)?.stored;
    const value = encodeHost(host);
    const lease = stored?.lease;
    const isOurs = lease !== undefined && lease === this.#recollection.current.liveness;
    const kept = isOurs ? await this.#renew(lease) : undefined;
    const term = kept ?? (await this.#grant(this.#needSchema().leaseSeconds));
    this.#standing.liveness = term;
    if (kept !== undefined && stored?.value === value) return;
    await this.#recollection.change({ liveness: term.lease });
    const token = this.#standing.claim?.token;
    if (token === undefined) return;
    const key = layout.host(host.id);
    const { applied } = await store.write(
      [{ key: layout.claim(host.id), modRevision: token }],
      [{ put: key, value, lease: term.lease }],
    );
    if (!applied) throw new NetError('unavailable', 'the claim of this host changed while it was registered');
  }

  async #renewUntilLost(): Promise<void> {
    while (!this.#isClosed && this.#isRegistered) {
      const { claim, liveness } = this.#standing;
      if (claim === undefined || liveness === undefined) return;
      const thirdMs = (liveness.ttlSeconds * 1000) / 3;
      const waitMs = this.#isRenewing
        ? thirdMs * (0.8 + 0.2 * this.#site.clock.random())
        : Math.min(this.#backoff.nextMs(), thirdMs);
      await this.#sleep(waitMs);
      if (this.#isClosed || this.#standing.claim !== claim || this.#standing.liveness !== liveness) continue;
      try {
        if (!(await this.#renewBoth(claim.lease, liveness.lease))) return;
        // Leases come back with a copy of the store. It has to be looked at itself, whatever the watches tell.
        if (!(await this.knowsStore())) return;
        this.#backoff.reset();
      } catch {
        this.#isRenewing = false;
      }
      this.#hooks.changed();
    }
  }

  /** False when one of the leases has ended. */
  async #renewBoth(claimLease: string, livenessLease: string): Promise<boolean> {
    const [kept, alive] = await Promise.all([this.#renew(claimLease), this.#renew(livenessLease)]);
    const { claim } = this.#standing;
    if (claim?.lease !== claimLease) return false;
    if (kept === undefined) {
      this.#lose();
      return false;
    }
    this.#standing.claim = { ...claim, ...kept };
    this.#standing.liveness = alive;
    this.#isRenewing = true;
    this.#armFence();
    const remembered = this.#recollection.current.claim;
    const ageMs = kept.renewedAtMs - (remembered?.renewedAtMs ?? 0);
    if (ageMs > kept.ttlSeconds * 1000 * rememberedShare) {
      await this.#recollection.change({ ...this.#claimToRemember(), ...this.#acquaintance.toRemember() });
    }
    return alive !== undefined;
  }

  async #renew(lease: string): Promise<Term | undefined> {
    const renewedAtMs = this.#site.clock.nowMs();
    const renewed = await this.#site.store.renewLease(lease);
    return renewed && { lease, ttlSeconds: renewed.ttlSeconds, renewedAtMs };
  }

  async #grant(seconds: number): Promise<Term> {
    const renewedAtMs = this.#site.clock.nowMs();
    const { id, ttlSeconds } = await this.#site.store.grantLease(seconds);
    return { lease: id, ttlSeconds, renewedAtMs };
  }

  #claimToRemember() {
    const claim = this.#standing.remember();
    return claim === undefined ? {} : { claim };
  }

  #needSchema(): Schema {
    const { schema } = this.#acquaintance;
    if (schema === undefined) throw new NetError('internal', 'the cluster has no schema');
    return schema;
  }

  /** At the end of what is safe, whoever depends on it has to know without being asked. */
  #armFence(): void {
    this.#cancelFence();
    const leftMs = this.#standing.safeUntilMs() - this.#site.clock.nowMs();
    if (leftMs > 0) this.#cancelFence = this.#site.clock.after(leftMs, () => this.#hooks.changed());
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#site.clock.after(delayMs, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
      if (this.#isClosed) this.#wake();
    });
  }
}
