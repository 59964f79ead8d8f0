// The contract of holding published ports on the host, so that another process's bind and ours exclude each other.
import type { IpAddress } from '../base/cidr.ts';
import type { EndpointId } from '../model/ids.ts';
import type { PortRequest, PublishedPort } from '../model/port.ts';

export interface HostPortOwner {
  readonly endpointId: EndpointId;
  /** For error messages: the sandbox's name. */
  readonly sandboxName: string;
  /** Another process holds the ports, or will: nothing is bound, and only our own table keeps them from being used twice. */
  readonly heldElsewhere?: true;
}

export interface HostPorts {
  /**
   * Chooses host ports and holds them: explicit ones first, a range's first free one, or an ephemeral one; the same
   * port number for every address of one request. All or nothing.
   * @param hostAddresses where requests without an address go, e.g. `0.0.0.0` and `::`: to those whose family may use the port.
   * Errors: `conflict` naming the owner (sandbox, or pid and command of a foreign process), `exhausted`, `invalid_parameter` (address not of this host).
   */
  reserve(
    owner: HostPortOwner,
    requests: readonly PortRequest[],
    hostAddresses: readonly IpAddress[],
  ): Promise<readonly PublishedPort[]>;
  /** Holds recorded ports again at start; returns those somebody else has taken meanwhile. */
  restore(owner: HostPortOwner, ports: readonly PublishedPort[]): Promise<readonly PublishedPort[]>;
  /** Lets go of given ports of an endpoint, or all of it. Absent is fine. */
  release(endpointId: EndpointId, ports?: readonly PublishedPort[]): void;
}
