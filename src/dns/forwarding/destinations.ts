// Which servers the questions go to that no network answers.
import { resolverAddress } from '../../model/name-entry.ts';
import type { View } from '../answer.ts';
import { upstreamFrom } from './asking-sockets.ts';
import { type Upstream, upstreamKey } from './exchange.ts';

export interface DestinationParts {
  /** The host's nameservers at this moment. */
  readonly host: () => readonly string[];
  readonly port: number;
  /** Whether questions sent to an address come to us. */
  readonly isOurs: (address: string) => boolean;
}

export class Destinations {
  readonly #parts: DestinationParts;

  constructor(parts: DestinationParts) {
    this.#parts = parts;
  }

  /**
   * The host's servers, asked from the host, or the view's own, asked from its sandbox's namespace; none as long as that is not there,
   * as the host may reach others by the same addresses. Not those who would ask us: our own resolver, and the gateways we answer at.
   */
  of(view: View): readonly Upstream[] {
    const { host, port } = this.#parts;
    if (view.forwarding === 'none') return [];
    if (view.forwarding === 'host') {
      return this.#others(host()).map((address) => ({ address, port }));
    }
    const { sandboxId, namespacePath } = view;
    if (sandboxId === undefined || namespacePath === undefined) return [];
    return this.#others(view.forwarding).map((address) =>
      upstreamFrom({ sandboxId, namespacePath }, address, port),
    );
  }

  /** Equal for views whose questions go to the same servers; undefined where they go nowhere. */
  placeOf(view: View): string | undefined {
    return view.forwarding === 'none' ? undefined : this.of(view).map(upstreamKey).join('|');
  }

  /** Whether an address is among those a view's questions could go to. */
  names(view: View, address: string): boolean {
    if (view.forwarding === 'none') return false;
    const named = view.forwarding === 'host' ? this.#parts.host() : view.forwarding;
    return named.some((one) => withoutZone(one) === address);
  }

  #others<Address extends string>(addresses: readonly Address[]): readonly Address[] {
    return addresses.filter(
      (address: string) => address !== resolverAddress && !this.#parts.isOurs(withoutZone(address)),
    );
  }
}

function withoutZone(address: string): string {
  return address.split('%', 1)[0] ?? address;
}
