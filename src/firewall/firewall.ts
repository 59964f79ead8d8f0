// The contract of a firewall backend: one policy in, one transaction out.

import type { Difference } from '../model/difference.ts';
import type { AllowanceId, EndpointId, NetworkId } from '../model/ids.ts';
import type { AllowancePolicy, EndpointPolicy, NetworkPolicy } from '../model/policy.ts';

export type PolicyChange =
  | { readonly network: NetworkPolicy }
  | { readonly removedNetwork: NetworkId }
  | { readonly endpoint: EndpointPolicy }
  | { readonly removedEndpoint: EndpointId }
  | { readonly allowance: AllowancePolicy }
  | { readonly removedAllowance: AllowanceId };

/** The whole of what the firewall should hold. */
export interface PolicyState {
  readonly networks: readonly NetworkPolicy[];
  readonly endpoints: readonly EndpointPolicy[];
  /** None when absent. */
  readonly allowances?: readonly AllowancePolicy[];
}

export interface Firewall {
  readonly name: 'nftables' | 'iptables' | 'none';
  /**
   * Applies all changes or none, in one transaction; a change that is in force already costs nothing. What concerns senders is
   * in force before anything that the kernel is asked for once this has returned its promise.
   */
  apply(changes: readonly PolicyChange[]): Promise<void>;
  /** Makes the kernel hold exactly this, whatever it held before. Used at start and after somebody else changed the rules. */
  replace(state: PolicyState): Promise<void>;
  /** Compares the kernel with what it should hold, or with what was last applied; changes nothing. */
  inspect(desired?: PolicyState): Promise<readonly Difference[]>;
  /** Calls back when somebody else changed our rules and the kernel tells, with who it was where that is told too. */
  onForeignChange(listener: (who: string) => void): void;
  close(): Promise<void>;
}
