// The contract of the daemon's records on disk.
import type { Allowance } from '../model/allowance.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { EngineEndpoint, EngineLease, EngineNetwork, EnginePool } from '../model/engine.ts';
import type { AllowanceId, EndpointId, NetworkId, SandboxId } from '../model/ids.ts';
import type { Network } from '../model/network.ts';
import type { Sandbox } from '../model/sandbox.ts';

/** Everything recorded. The maps are the store's own and change with each commit. */
export interface State {
  readonly networks: ReadonlyMap<NetworkId, Network>;
  readonly endpoints: ReadonlyMap<EndpointId, Endpoint>;
  readonly sandboxes: ReadonlyMap<SandboxId, Sandbox>;
  readonly allowances: ReadonlyMap<AllowanceId, Allowance>;
  /** What container engines hold, by their ids for it. */
  readonly enginePools: ReadonlyMap<string, EnginePool>;
  readonly engineLeases: ReadonlyMap<string, EngineLease>;
  readonly engineNetworks: ReadonlyMap<string, EngineNetwork>;
  readonly engineEndpoints: ReadonlyMap<string, EngineEndpoint>;
  /** Facts of the installation that must not change, e.g. `ulaPrefix`. */
  readonly settings: ReadonlyMap<string, string>;
  /** The endpoints once more, by what they belong to, oldest first; nothing for those that have none. */
  readonly endpointsBySandbox: ReadonlyMap<SandboxId, ReadonlyMap<EndpointId, Endpoint>>;
  readonly endpointsByNetwork: ReadonlyMap<NetworkId, ReadonlyMap<EndpointId, Endpoint>>;
}

export type Change =
  | { readonly put: 'network'; readonly value: Network }
  | { readonly put: 'endpoint'; readonly value: Endpoint }
  | { readonly put: 'sandbox'; readonly value: Sandbox }
  | { readonly put: 'allowance'; readonly value: Allowance }
  | { readonly put: 'enginePool'; readonly value: EnginePool }
  | { readonly put: 'engineLease'; readonly value: EngineLease }
  | { readonly put: 'engineNetwork'; readonly value: EngineNetwork }
  | { readonly put: 'engineEndpoint'; readonly value: EngineEndpoint }
  | { readonly put: 'setting'; readonly key: string; readonly value: string }
  | { readonly drop: 'network'; readonly id: NetworkId }
  | { readonly drop: 'endpoint'; readonly id: EndpointId }
  | { readonly drop: 'sandbox'; readonly id: SandboxId }
  | { readonly drop: 'allowance'; readonly id: AllowanceId }
  | {
      readonly drop: 'enginePool' | 'engineLease' | 'engineNetwork' | 'engineEndpoint';
      readonly id: string;
    };

export interface Store {
  readonly state: State;
  /**
   * Records all changes or none. When it resolves they survive the death of the process; with `durable` (networks,
   * reservations) also a power cut. Errors: `unavailable` (disk full, I/O error), after which nothing was changed.
   */
  commit(changes: readonly Change[], options?: { readonly durable?: boolean }): Promise<void>;
  close(): Promise<void>;
}
