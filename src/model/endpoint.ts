// An endpoint: one attachment of a sandbox to a network, one interface.
import type { InterfaceAddress, IpAddress } from '../base/cidr.ts';
import type { MacAddress } from '../base/mac.ts';
import type { Route } from './attachment.ts';
import type { CniAttachment } from './cni-attachment.ts';
import type { EndpointId, NetworkId, SandboxId } from './ids.ts';
import type { InterfaceSettings, InterfaceTuning, Shaping } from './interface-settings.ts';
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
  /**
   * With the subnet's prefix length, IPv4 first. Those inside a pool of the network are leased from it; others were chosen
   * by somebody else.
   */
  readonly addresses: readonly InterfaceAddress[];
  readonly aliases: readonly string[];
  readonly links: readonly Link[];
  /** The endpoint with the highest priority gives its sandbox the default route; ties go to the older endpoint. */
  readonly gatewayPriority: number;
  readonly ports: readonly PublishedPort[];
  /** Whoever asked for the ports holds them on the host itself, as podman does; it could not if we did. */
  readonly portsHeldElsewhere?: true;
  readonly exposed: readonly ExposedPort[];
  readonly options: Readonly<Record<string, string>>;
  /** Where its default routes lead, in place of the network's gateways: a family left out has none. */
  readonly gateways?: { readonly ipv4?: IpAddress; readonly ipv6?: IpAddress };
  /** Routes besides the default ones. */
  readonly routes?: readonly Route[];
  readonly tuning?: InterfaceTuning;
  readonly shaping?: Shaping;
  /** Of an interface somebody else made: how it was before, to be put back. */
  readonly former?: InterfaceSettings;
  /**
   * Made for a container engine, which moves the interface into the sandbox and configures it there: `offered`, it lies on
   * the host under `ifname`; `taken`, it is in the sandbox under that name.
   */
  readonly engine?: 'offered' | 'taken';
  /** Set when it was made for a CNI runtime. */
  readonly cni?: CniAttachment;
  /** Set while it is being made or unmade: what is still pending when the daemon starts is removed. */
  readonly pending?: true;
}
