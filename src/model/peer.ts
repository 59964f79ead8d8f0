// Endpoints as the hosts of a cluster tell each other of them.
import type { InterfaceAddress, IpAddress } from '../base/cidr.ts';
import type { MacAddress } from '../base/mac.ts';
import type { EndpointId, HostId, NetworkId, SandboxId } from './ids.ts';
import type { ExposedPort } from './port.ts';

/** One machine of a cluster. */
export interface ClusterHost {
  readonly id: HostId;
  readonly name: string;
  /** Where its tunnels end (VTEP). The hardware address stays the same for one host. */
  readonly address: IpAddress;
  readonly mac: MacAddress;
  /** Of the link with that address. */
  readonly mtuBytes: number;
}

/** What others need to know of an endpoint. */
export interface SharedEndpoint {
  readonly id: EndpointId;
  readonly networkId: NetworkId;
  readonly sandboxId: SandboxId;
  /** First the sandbox's name, then hostname, short id and aliases. */
  readonly names: readonly string[];
  readonly mac: MacAddress;
  readonly addresses: readonly InterfaceAddress[];
  readonly services: readonly ExposedPort[];
}

/** An endpoint of another host, which is alive. */
export interface Peer extends SharedEndpoint {
  readonly host: ClusterHost;
}

/** What became different of the peers on one network. */
export interface PeerChange {
  /** New ones, and those that are not what they were; also all of a host that moved to another address. */
  readonly put: readonly Peer[];
  /** As they were last told of. */
  readonly gone: readonly Peer[];
}
