// What the resolver knows of an endpoint and of a sandbox that asks.
import type { IpAddress } from '../base/cidr.ts';
import type { EndpointId, NetworkId, SandboxId } from './ids.ts';
import type { ExposedPort } from './port.ts';

/** Where a sandbox asks for names that has a resolver inside its namespace. */
export const resolverAddress = '127.0.0.11' as IpAddress;

/** The names of one endpoint on its network. */
export interface NameEntry {
  readonly endpointId: EndpointId;
  readonly networkId: NetworkId;
  readonly networkName: string;
  readonly sandboxId: SandboxId;
  /** First the sandbox's name (used for PTR), then hostname, short id and aliases. */
  readonly names: readonly string[];
  readonly addresses: readonly IpAddress[];
  /** Published and exposed ports, for SRV. */
  readonly services: readonly ExposedPort[];
}

/**
 * Where questions go that no network answers: to the servers of the host, asked from the host; or to a sandbox's or a network's
 * own, asked from the asker's namespace, so that they see no more than the asker could reach by itself.
 */
export type Forwarding = 'host' | 'none' | readonly IpAddress[];

/** What one sandbox may see. */
export interface ResolverView {
  readonly sandboxId: SandboxId;
  /** Networks it is on, in order of attachment. */
  readonly networks: readonly NetworkId[];
  /** Private names it gave to other sandboxes. */
  readonly links: readonly { readonly alias: string; readonly target: SandboxId }[];
  readonly forwarding: Forwarding;
  /** Its namespace; absent when there is none to ask servers from. */
  readonly namespacePath?: string;
}
