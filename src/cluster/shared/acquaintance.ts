// Which cluster this host knows. Something is gone only when the store of that cluster does not have it: another store, or one that
// was wiped or restored from a copy, has lost it, and what the hosts remember is put back.
import { NetError } from '../../base/errors.ts';
import type { Remembered } from '../memory.ts';
import type { Condition } from '../shared-store.ts';
import { type Found, firstSchema, type Times } from './judge-registration.ts';
import type { Recollection } from './recollection.ts';
import { decodeSchema, encodeSchema, type Schema } from './records.ts';
import type { Site } from './site.ts';

export class Acquaintance {
  readonly #site: Site;
  readonly #times: Times;
  readonly #recollection: Recollection;
  #schema: Schema | undefined;
  #hasBegun = false;
  #isSetBack = false;

  constructor(site: Site, times: Times, recollection: Recollection) {
    this.#site = site;
    this.#times = times;
    this.#recollection = recollection;
  }

  /** What all hosts agree on; undefined before the first look at the store. */
  get schema(): Schema | undefined {
    return this.#schema;
  }

  /** The store has lost what it had last, though it may be the same one. */
  setBack(): void {
    this.#isSetBack = true;
  }

  /** Takes what the store says all hosts agree on; says it where nobody did. Errors: `unavailable`. */
  async agree(found: Found): Promise<void> {
    const known = this.#recollection.current.cluster?.id;
    const isOutdated = this.#isSetBack && found.schema?.clusterId === known;
    this.#schema = found.schema === undefined || isOutdated ? await this.#begin(found) : found.schema;
    this.#isSetBack = false;
  }

  /** What this host remembers has to be put back before anything is concluded from what is missing. */
  get isStrange(): boolean {
    const known = this.#recollection.current.cluster?.id;
    return known === undefined ? this.#hasBegun : known !== this.#schema?.clusterId;
  }

  /** This host was registered in a cluster before. */
  get isKnown(): boolean {
    return this.#recollection.current.cluster !== undefined;
  }

  /** Once everything was put back. */
  toRemember(): Pick<Remembered, 'cluster'> {
    if (this.#schema === undefined) return {};
    const { clusterId: id, leaseSeconds, graceSeconds } = this.#schema;
    return { cluster: { id, leaseSeconds, graceSeconds, revision: this.#site.store.newest } };
  }

  /** What the store does not have now is gone. Errors: `unavailable`. */
  async isSame(): Promise<boolean> {
    const { store, layout } = this.#site;
    const { key } = await store.get(layout.schema);
    const known = this.#recollection.current.cluster;
    return key !== undefined && known !== undefined && decodeSchema(key.value)?.clusterId === known.id;
  }

  async #begin({ schema, storedSchema }: Found): Promise<Schema> {
    const { store, layout, host, clock } = this.#site;
    const clusterId = madeUpId(() => clock.random());
    const begun = schema
      ? { ...schema, clusterId }
      : firstSchema(host, clusterId, this.#times, this.#recollection.current.cluster);
    const key = layout.schema;
    const condition: Condition =
      storedSchema === undefined ? { key, absent: true } : { key, modRevision: storedSchema.modRevision };
    const { applied } = await store.write([condition], [{ put: key, value: encodeSchema(begun) }]);
    if (!applied) throw new NetError('unavailable', 'another host was first to begin the cluster');
    this.#hasBegun = true;
    return begun;
  }
}

/** 16 hex digits. */
function madeUpId(random: () => number): string {
  const half = () =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0');
  return half() + half();
}
