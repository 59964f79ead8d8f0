// Published and exposed ports of an endpoint.
import { type Cidr, familyOf, type IpAddress } from '../base/cidr.ts';

export type Protocol = 'tcp' | 'udp' | 'sctp';

/** A port a service in the sandbox listens on, made known without being published. */
export interface ExposedPort {
  readonly protocol: Protocol;
  readonly port: number;
}

/** A port held on the host and forwarded to the endpoint, or open at the endpoint's own address. */
export interface PublishedPort extends ExposedPort {
  /** `0.0.0.0` and `::` stand for every address of the host in that family. */
  readonly hostAddress: IpAddress;
  /** The one in use; 0 when there is none because the network is routed: `hostAddress` tells but the family then. */
  readonly hostPort: number;
  /** Who may use it, all of the family of `hostAddress`; everybody when absent, nobody when empty. */
  readonly from?: readonly Cidr[];
}

/** Nothing of the host leads to it: it is reached at the endpoint's own address. */
export function isOpened({ hostPort }: Pick<PublishedPort, 'hostPort'>): boolean {
  return hostPort === 0;
}

/**
 * A port as asked for, before host ports are chosen. `hostPort` is inclusive and absent for an ephemeral
 * port; a range longer than one with a single container port means "the first free one".
 */
export interface PortRequest extends ExposedPort {
  readonly hostAddress?: IpAddress;
  readonly hostPort?: { readonly first: number; readonly last: number };
  /** Who may use it, of either family; everybody when absent. A family none of it is of may not use it at all. */
  readonly from?: readonly Cidr[];
}

/** Who may use a port as asked for at this address of the host; those of the other family cannot ask there. */
export function askersAt(
  hostAddress: IpAddress,
  { from }: Pick<PortRequest, 'from'>,
): Pick<PublishedPort, 'from'> {
  if (from === undefined) return {};
  return { from: from.filter((subnet) => familyOf(subnet) === familyOf(hostAddress)) };
}

/** Whether anybody may use a port as asked for at this address of the host. */
export function hasAskersAt(hostAddress: IpAddress, request: Pick<PortRequest, 'from'>): boolean {
  return askersAt(hostAddress, request).from?.length !== 0;
}
