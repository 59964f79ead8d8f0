// The contract of the embedded DNS as the core sees it.
import type { IpAddress } from '../base/cidr.ts';
import type { EndpointId, NetworkId, SandboxId } from '../model/ids.ts';
import type { NameEntry, ResolverView } from '../model/name-entry.ts';
import type { NameLookup } from '../model/name-lookup.ts';
import type { NameStatistics } from '../model/name-statistics.ts';
import type { VisibleName } from '../model/visible-name.ts';

export interface NameQuestion {
  /** With or without the final dot. */
  readonly name: string;
  /** `A`, `AAAA`… or `TYPE65`. */
  readonly type: string;
}

export interface NameService {
  /** Adds or replaces an endpoint's names; visible in the next answer. */
  put(entry: NameEntry): void;
  remove(endpointId: EndpointId): void;
  /** Adds or replaces what a sandbox may see; visible in its next answer. */
  setView(view: ResolverView): void;
  /** Listens on 127.0.0.11:53 (UDP and TCP) in the namespace. May be repeated. Errors: `conflict` (port taken there), `unavailable`. */
  open(sandboxId: SandboxId, namespacePath: string): Promise<void>;
  /**
   * Answers in that namespace what is asked of the resolver a container engine has at 127.0.0.11 there, before it does; what
   * no network has is asked of that one, whatever the view says. Should the daemon die, the engine's resolver is asked again at once.
   * May be repeated. Errors: `not_implemented` (kernel), `unavailable`.
   */
  openBeside(sandboxId: SandboxId, namespacePath: string): Promise<void>;
  /**
   * Answers at port 53 of an address the host has on that network too, to the sandboxes on it, told apart by the address they
   * ask from. May be repeated. Errors: `conflict` (port taken), `unavailable`.
   */
  openGateway(networkId: NetworkId, address: IpAddress): Promise<void>;
  /** Stops that, at every address. Absent is fine. */
  closeGateway(networkId: NetworkId): void;
  /** The addresses on that network at which it answers now. */
  gatewaysOf(networkId: NetworkId): readonly IpAddress[];
  /** Stops listening and forgets the view, so that the namespace can end. Absent is fine. */
  close(sandboxId: SandboxId): void;
  /** What a sandbox is told of a name now, and where that comes from; REFUSED without a view. Errors: `invalid_parameter`. */
  query(sandboxId: SandboxId, question: NameQuestion): Promise<NameLookup>;
  /** The names a sandbox sees, by name; those of all networks without one. */
  visible(sandboxId?: SandboxId): readonly VisibleName[];
  /** What was asked since the start. */
  statistics(): NameStatistics;
  shutdown(): Promise<void>;
}
