// An endpoint: one attachment of a sandbox to a network, one interface.
import type { InterfaceAddress } from '../base/cidr.ts';
import type { MacAddress } from '../base/mac.ts';
import type { EndpointId, NetworkId, SandboxId } from './ids.ts';
import type { ExposedPort, PublishedPort } from './port.ts';

/** Another sandbox this one knows under a private name. */
export interface Link {
  readonly target: SandboxId;
  readonly alias: string;
}

export interface Endpoint {
  readonly id: EndpointId;
  readonly networkId: NetworkId;
  readonly sandboxId: SandboxId;
  readonly createdAt: string;
  /** Name of the interface inside the sandbox; empty on `host` and `none`, which make none. */
  readonly ifname: string;
  readonly mac?: MacAddress;
  /** At most one per family, with the subnet's prefix length, IPv4 first. */
  readonly addresses: readonly InterfaceAddress[];
  readonly aliases: readonly string[];
  readonly links: readonly Link[];
  /** The endpoint with the highest priority gives its sandbox the default route; ties go to the older endpoint. */
  readonly gatewayPriority: number;
  readonly ports: readonly PublishedPort[];
  readonly exposed: readonly ExposedPort[];
  readonly options: Readonly<Record<string, string>>;
  /** Set while it is being made or unmade: what is still pending when the daemon starts is removed. */
  readonly pending?: true;
}
