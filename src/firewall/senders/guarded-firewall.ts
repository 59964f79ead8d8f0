// A firewall backend with the table of senders beside it: the backend says where packets may go, the table who may send them.
import { allDone } from '../../base/undo.ts';
import type { Difference } from '../../model/difference.ts';
import type { EndpointId } from '../../model/ids.ts';
import type { Sender } from '../../model/policy.ts';
import type { Firewall, PolicyChange, PolicyState } from '../firewall.ts';
import type { SenderTable } from './sender-table.ts';

export class GuardedFirewall implements Firewall {
  readonly name: Firewall['name'];
  readonly #firewall: Firewall;
  readonly #senders: SenderTable | undefined;
  /** The others the backend has no rules for, and need not be told of. */
  readonly #publishing = new Set<EndpointId>();

  /** @param senders none where the kernel cannot check them. */
  constructor(firewall: Firewall, senders: SenderTable | undefined) {
    this.name = firewall.name;
    this.#firewall = firewall;
    this.#senders = senders;
  }

  async apply(changes: readonly PolicyChange[]): Promise<void> {
    const senders = new Map<EndpointId, Sender | undefined>();
    for (const change of changes) {
      if ('endpoint' in change) senders.set(change.endpoint.endpointId, change.endpoint.sender);
      else if ('removedEndpoint' in change) senders.set(change.removedEndpoint, undefined);
    }
    const others = changes.filter((change) => this.#concernsBackend(change));
    for (const change of others) this.#note(change);
    await allDone([
      this.#senders?.apply(senders),
      others.length === 0 ? undefined : this.#firewall.apply(others),
    ]);
    for (const change of others)
      if ('removedEndpoint' in change) this.#publishing.delete(change.removedEndpoint);
  }

  async replace(state: PolicyState): Promise<void> {
    this.#publishing.clear();
    for (const endpoint of state.endpoints) this.#note({ endpoint });
    await allDone([this.#senders?.replace(sendersOf(state)), this.#firewall.replace(state)]);
  }

  async inspect(desired?: PolicyState): Promise<readonly Difference[]> {
    const [rules, senders] = await Promise.all([
      this.#firewall.inspect(desired),
      this.#senders?.inspect(desired && sendersOf(desired)) ?? [],
    ]);
    return [...rules, ...senders];
  }

  onForeignChange(listener: (who: string) => void): void {
    this.#firewall.onForeignChange(listener);
    this.#senders?.onForeignChange(listener);
  }

  async close(): Promise<void> {
    this.#senders?.close();
    await this.#firewall.close();
  }

  #concernsBackend(change: PolicyChange): boolean {
    if ('removedEndpoint' in change) return this.#publishing.has(change.removedEndpoint);
    if (!('endpoint' in change)) return true;
    const { endpointId, forwards } = change.endpoint;
    return forwards.length > 0 || this.#publishing.has(endpointId);
  }

  /** One that has published is told of until it is gone, so that what failed can be taken back. */
  #note(change: PolicyChange): void {
    if ('endpoint' in change && change.endpoint.forwards.length > 0)
      this.#publishing.add(change.endpoint.endpointId);
  }
}

function sendersOf({ endpoints }: PolicyState): ReadonlyMap<EndpointId, Sender> {
  return new Map(
    endpoints.flatMap(({ endpointId, sender }) => (sender === undefined ? [] : [[endpointId, sender]])),
  );
}
