// What the firewall must allow, in no backend's syntax.
import type { Cidr, IpAddress } from '../base/cidr.ts';
import type { MacAddress } from '../base/mac.ts';
import type { AllowanceId, EndpointId, NetworkId } from './ids.ts';
import type { Protocol, PublishedPort } from './port.ts';

/** The rules of one network, apart from its ports. */
export interface NetworkPolicy {
  readonly networkId: NetworkId;
  /** Name of the network's bridge on the host: what its packets come in and go out by. On one that is somebody else's there may be several networks. */
  readonly ifname: string;
  readonly subnets: readonly Cidr[];
  /** Nothing crosses between this network and anything but the host. */
  readonly internal: boolean;
  /** Endpoints of the network may reach each other also when routed by the host. */
  readonly icc: boolean;
  /** Source given to packets that leave the network, by family: the outgoing interface's own address, one fixed address, or unchanged. */
  readonly source: { readonly ipv4: SourceRule; readonly ipv6: SourceRule };
  /** By family: how endpoints may be reached by their own addresses, from wherever there is a route. */
  readonly direct: { readonly ipv4: DirectAccess; readonly ipv6: DirectAccess };
  /** Interfaces from which endpoints may be reached directly by their own addresses. */
  readonly trustedInterfaces: readonly string[];
}

export type SourceRule = 'masquerade' | 'keep' | { readonly address: IpAddress };

/** `ports`: at their published ports, and by ICMP. */
export type DirectAccess = 'none' | 'ports' | 'all';

/** The published ports of one endpoint, and what it may send. */
export interface EndpointPolicy {
  readonly endpointId: EndpointId;
  readonly networkId: NetworkId;
  readonly forwards: readonly PortForward[];
  /** Absent where it may call itself what it likes. */
  readonly sender?: Sender;
}

/** Who an endpoint is on its bridge: what comes in by its port from any other hardware or IP address is dropped. */
export interface Sender {
  /** The host's end of its interface, a port of the bridge. */
  readonly ifname: string;
  readonly mac: MacAddress;
  /** Any when empty: nobody has told us. */
  readonly addresses: readonly IpAddress[];
}

/**
 * Connections that are let through between networks that are kept apart, with the addresses they come from and go to; both ends
 * of one family are meant. They keep the asker's address.
 */
export interface AllowancePolicy {
  readonly allowanceId: AllowanceId;
  readonly from: readonly Cidr[];
  readonly to: readonly Cidr[];
  readonly ports?: { readonly protocol: Protocol; readonly first: number; readonly last: number };
}

/**
 * One published port with the endpoint address it leads to; both ends are of one family. Where both are the same the port is
 * open at the endpoint's own address.
 */
export interface PortForward extends PublishedPort {
  readonly address: IpAddress;
  /** False where answers would leave by another network's gateway: then the host's bridge address stands in for the asker. */
  readonly keepSource: boolean;
}
