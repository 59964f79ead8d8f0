// Records as the doors show them, each with the names of what it belongs to.
import type { Cidr, InterfaceAddress, IpAddress } from '../base/cidr.ts';
import type { MacAddress } from '../base/mac.ts';
import type { Allowance } from './allowance.ts';
import type { Difference } from './difference.ts';
import type { Endpoint } from './endpoint.ts';
import type { EndpointId, HostId } from './ids.ts';
import type { Network } from './network.ts';
import type { Protocol } from './port.ts';
import type { Sandbox } from './sandbox.ts';

export interface NetworkView extends Network {
  readonly endpoints: readonly EndpointView[];
}

/** An endpoint of another host. */
export interface PeerView {
  readonly id: EndpointId;
  /** Of its sandbox. */
  readonly name: string;
  readonly hostId: HostId;
  readonly hostName: string;
  readonly hostAddress: IpAddress;
  readonly mac: MacAddress;
  readonly addresses: readonly InterfaceAddress[];
}

/** One network looked at closely. */
export interface InspectedNetwork extends NetworkView {
  /** Of networks that reach over several hosts. */
  readonly peers?: readonly PeerView[];
  /** Why they could not be read, in their place. */
  readonly peersError?: string;
}

export interface EndpointView extends Endpoint {
  readonly networkName: string;
  readonly sandboxName: string;
}

export interface SandboxView extends Sandbox {
  /** `created`: no process was run in it; then `running`, then `exited`. */
  readonly status: 'created' | 'running' | 'exited';
  readonly exitStatus?: number;
  readonly endpoints: readonly EndpointView[];
}

export interface PortView {
  readonly networkName: string;
  readonly sandboxName: string;
  readonly sandboxId: string;
  readonly endpointId: string;
  readonly protocol: Protocol;
  readonly port: number;
  readonly hostAddress: IpAddress;
  /** 0 where the port is open at `address` itself. */
  readonly hostPort: number;
  readonly address: IpAddress;
  /** Who may use it; everybody when absent. */
  readonly from?: readonly Cidr[];
}

export interface PartyView {
  readonly kind: 'network' | 'sandbox';
  readonly id: string;
  readonly name: string;
  /** Those it is in force for just now: of a sandbox that is on no network, none. */
  readonly addresses: readonly Cidr[];
}

export interface AllowanceView extends Omit<Allowance, 'from' | 'to'> {
  readonly from: PartyView;
  readonly to: PartyView;
}

export interface CheckResult {
  readonly differences: readonly (Difference & { readonly repaired: boolean })[];
  /** What is not netd's to mend, or was changed on the host for the networks' sake. */
  readonly notes: readonly Difference[];
}
