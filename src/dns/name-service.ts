// The contract of the embedded DNS as the core sees it.
import type { IpAddress } from '../base/cidr.ts';
import type { EndpointId, NetworkId, SandboxId } from '../model/ids.ts';
import type { NameEntry, ResolverView } from '../model/name-entry.ts';

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
  shutdown(): Promise<void>;
}
