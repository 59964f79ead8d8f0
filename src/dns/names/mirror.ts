// Tells the name server's thread what the table and the views are, change by change, in numbers instead of ids.
import type { EndpointId, NetworkId, SandboxId } from '../../model/ids.ts';
import type { NameEntry, ResolverView } from '../../model/name-entry.ts';
import { Numbers } from './numbers.ts';
import { putEndpoint, removeEndpoint, removeView, setView } from './table-changes.ts';

export class Mirror {
  readonly sandboxes = new Numbers<SandboxId>();
  readonly networks = new Numbers<NetworkId>();
  readonly #endpoints = new Numbers<EndpointId>();
  readonly #entries = new Map<EndpointId, { readonly endpoint: number; readonly entry: NameEntry }>();
  readonly #views = new Map<SandboxId, { readonly sandbox: number; readonly view: ResolverView }>();
  readonly #apply: (changes: Uint8Array) => void;

  /** @param apply makes sure that no question which comes in after it returned is answered without the changes. */
  constructor(apply: (changes: Uint8Array) => void) {
    this.#apply = apply;
  }

  put(entry: NameEntry): void {
    const { endpointId, networkId, sandboxId } = entry;
    const before = this.#entries.get(endpointId);
    const endpoint = this.#endpoints.take(endpointId);
    const network = this.networks.take(networkId);
    const sandbox = this.sandboxes.take(sandboxId);
    this.#entries.set(endpointId, { endpoint, entry });
    this.#apply(putEndpoint({ endpoint, network, sandbox }, entry));
    if (before !== undefined) this.#dropEntry(before.entry);
  }

  /** Absent is fine. */
  remove(endpointId: EndpointId): void {
    const known = this.#entries.get(endpointId);
    if (known === undefined) return;
    this.#entries.delete(endpointId);
    this.#apply(removeEndpoint(known.endpoint));
    this.#dropEntry(known.entry);
  }

  /** @param group what replies to names no network of the view has are remembered under. */
  setView(view: ResolverView, group: number): void {
    const before = this.#views.get(view.sandboxId);
    const sandbox = this.sandboxes.take(view.sandboxId);
    const networks = view.networks.map((id) => this.networks.take(id));
    const links = view.links.map(({ alias, target }) => ({ alias, target: this.sandboxes.take(target) }));
    this.#views.set(view.sandboxId, { sandbox, view });
    this.#apply(setView({ sandbox, group, networks, links }));
    if (before !== undefined) this.#dropView(before.view);
  }

  /** Absent is fine. */
  removeView(sandboxId: SandboxId): void {
    const known = this.#views.get(sandboxId);
    if (known === undefined) return;
    this.#views.delete(sandboxId);
    this.#apply(removeView(known.sandbox));
    this.#dropView(known.view);
  }

  #dropEntry({ endpointId, networkId, sandboxId }: NameEntry): void {
    this.#endpoints.drop(endpointId);
    this.networks.drop(networkId);
    this.sandboxes.drop(sandboxId);
  }

  #dropView({ sandboxId, networks, links }: ResolverView): void {
    this.sandboxes.drop(sandboxId);
    for (const id of networks) this.networks.drop(id);
    for (const { target } of links) this.sandboxes.drop(target);
  }
}
