// What is let through between networks that are kept apart: adding allowances and taking them back.
import { NetError } from '../base/errors.ts';
import type { Keys } from '../base/keyed-mutex.ts';
import { randomId } from '../base/random-id.ts';
import { withUndo } from '../base/undo.ts';
import { type Allowance, type Party, portsText } from '../model/allowance.ts';
import { type AllowanceId, shortId } from '../model/ids.ts';
import { checkParties, findParty } from './allowance-parties.ts';
import { allowancePolicy } from './allowance-policy.ts';
import { allowanceEvent } from './events.ts';
import { partyText, viewAllowance } from './inspect.ts';
import type { Locks } from './locks.ts';
import { findAllowance } from './lookup.ts';
import type { Parts } from './parts.ts';
import type { AllowanceRequest, AllowanceView } from './requests.ts';

type Draft = Pick<Allowance, 'from' | 'to' | 'ports'>;

export class Allowances {
  readonly #parts: Parts;
  readonly #locks: Locks;

  constructor(parts: Parts, locks: Locks) {
    this.#parts = parts;
    this.#locks = locks;
  }

  /** Errors: `not_found`, `invalid_parameter` where nothing could come of it, `already_exists`. */
  async add({ from, to, ports }: AllowanceRequest): Promise<AllowanceView> {
    const { state } = this.#parts.store;
    const draft: Draft = {
      from: findParty(state, from),
      to: findParty(state, to),
      ...(ports !== undefined && { ports }),
    };
    return this.#locks.run(keysOf(draft), async () => {
      checkParties(this.#parts, draft);
      this.#checkNew(draft);
      return this.#make({ id: randomId() as AllowanceId, createdAt: new Date().toISOString(), ...draft });
    });
  }

  /** Errors: `not_found`. */
  async delete(ref: string): Promise<void> {
    const { id, ...known } = findAllowance(this.#parts.store.state, ref);
    await this.#locks.run(keysOf(known), async () => {
      const allowance = findAllowance(this.#parts.store.state, id);
      const view = viewAllowance(this.#parts, allowance);
      await this.#unmake(allowance);
      this.#parts.events.emit(allowanceEvent('delete', view));
    });
  }

  list(): readonly AllowanceView[] {
    return [...this.#parts.store.state.allowances.values()].map((one) => viewAllowance(this.#parts, one));
  }

  find(ref: string): AllowanceView {
    return viewAllowance(this.#parts, findAllowance(this.#parts.store.state, ref));
  }

  #checkNew(draft: Draft): void {
    const { state } = this.#parts.store;
    const other = [...state.allowances.values()].find((one) => textOf(one) === textOf(draft));
    if (other === undefined) return;
    const [from, to] = [partyText(state, draft.from), partyText(state, draft.to)];
    throw new NetError(
      'already_exists',
      `policy ${shortId(other.id)} allows ${whatText(draft)} from ${from} to ${to} already`,
    );
  }

  /** Rules, then record: it is acknowledged when it works, and rules that are not recorded are gone at the next start. */
  #make(allowance: Allowance): Promise<AllowanceView> {
    const { firewall, store, events } = this.#parts;
    return withUndo(async (undo) => {
      const policy = allowancePolicy(this.#parts, allowance);
      if (policy !== undefined) {
        undo(() => firewall.apply([{ removedAllowance: allowance.id }]));
        await firewall.apply([{ allowance: policy }]);
      }
      await store.commit([{ put: 'allowance', value: allowance }], { durable: true });
      const view = viewAllowance(this.#parts, allowance);
      events.emit(allowanceEvent('create', view));
      return view;
    });
  }

  #unmake(allowance: Allowance): Promise<void> {
    const { firewall, store } = this.#parts;
    return withUndo(async (undo) => {
      const policy = allowancePolicy(this.#parts, allowance);
      if (policy !== undefined) {
        undo(() => firewall.apply([{ allowance: policy }]));
        await firewall.apply([{ removedAllowance: allowance.id }]);
      }
      await store.commit([{ drop: 'allowance', id: allowance.id }], { durable: true });
    });
  }
}

/** Nobody deletes an end meanwhile, nor changes the addresses of a sandbox, nor allows the same at the same time. */
function keysOf({ from, to }: Draft): Keys {
  const key = ({ network, sandbox }: Party) =>
    network === undefined ? `sandbox:${sandbox}` : `network:${network}`;
  const keys = [from, to].map(key);
  return {
    exclusive: ['policies', ...keys.filter((one) => one.startsWith('sandbox:'))],
    shared: keys.filter((one) => one.startsWith('network:')),
  };
}

/** Equal for those that allow the same. */
function textOf(draft: Draft): string {
  const ends = [draft.from, draft.to].map(({ network, sandbox }) => network ?? sandbox);
  return [...ends, whatText(draft)].join(' ');
}

function whatText({ ports }: Draft): string {
  return ports === undefined ? 'everything' : portsText(ports);
}
