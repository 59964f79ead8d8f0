// The contract of holding published ports on the host, so that another process's bind and ours exclude each other, and of
// relaying what comes to them where the kernel cannot translate it.
import type { IpAddress } from '../base/cidr.ts';
import type { EndpointId } from '../model/ids.ts';
import type { PortRequest, PublishedPort } from '../model/port.ts';

export interface HostPortOwner {
  readonly endpointId: EndpointId;
  /** For error messages: the sandbox's name. */
  readonly sandboxName: string;
  /** The endpoint's, one of which each port leads to: see `targetOf`. */
  readonly addresses: readonly IpAddress[];
  /** Another process holds the ports, or will: nothing is bound, and only our own table keeps them from being used twice. */
  readonly heldElsewhere?: true;
}

/** A port as asked for, with all addresses of the host it is wanted on; each has somebody who may use it there. */
export interface HostPortRequest extends Omit<PortRequest, 'hostAddress'> {
  readonly hostAddresses: readonly IpAddress[];
}

export interface HostPorts {
  /**
   * Chooses host ports and holds them: explicit ones first, a range's first free one, or an ephemeral one; the same
   * port number for every address of one request. All or nothing. `::` is left out where the kernel has no IPv6 and another
   * address is wanted too.
   *
   * Those the kernel cannot translate are relayed from now on: `::1`, also where it is one of `::`, and what leads to an
   * address of the other family.
   * Errors: `conflict` naming the owner (sandbox, or pid and command of a foreign process), `exhausted`, `invalid_parameter` (address not of this host).
   */
  reserve(owner: HostPortOwner, requests: readonly HostPortRequest[]): Promise<readonly PublishedPort[]>;
  /** Holds and relays recorded ports again at start; returns those somebody else has taken meanwhile. */
  restore(owner: HostPortOwner, ports: readonly PublishedPort[]): Promise<readonly PublishedPort[]>;
  /** Lets go of given ports of an endpoint, or all of it; relayed connections to them are closed. Absent is fine. */
  release(endpointId: EndpointId, ports?: readonly PublishedPort[]): void;
}
