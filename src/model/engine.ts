// What a container engine was given through its plugin protocol: by its own ids, until it gives it back.
import type { Cidr, InterfaceAddress, IpAddress } from '../base/cidr.ts';
import type { MacAddress } from '../base/mac.ts';
import type { EndpointId, NetworkId } from './ids.ts';
import type { ExposedPort } from './port.ts';

/** A subnet held for a network the engine is about to make; the network takes it over. */
export interface EnginePool {
  /** As the engine names it from now on; follows from the subnet. */
  readonly id: string;
  readonly subnet: Cidr;
  readonly range?: Cidr;
  readonly createdAt: string;
}

/** An address the engine has taken from one of our pools; it is nobody else's until the engine gives it back. */
export interface EngineLease {
  /** Pool and address. */
  readonly id: string;
  readonly subnet: Cidr;
  readonly address: IpAddress;
  /** It is for the gateway of a network to be. */
  readonly gateway?: true;
  /** What the container it is for is called, where the engine says so. */
  readonly containerName?: string;
  readonly createdAt: string;
  readonly bootId: string;
}

/** A network as the engine knows it. */
export interface EngineNetwork {
  /** The engine's id. */
  readonly id: string;
  readonly networkId: NetworkId;
  /** False of a network that was there before and stays when the engine deletes its own. */
  readonly made: boolean;
  readonly createdAt: string;
}

/** An endpoint as the engine described it, before and while a container has it. */
export interface EngineEndpoint {
  /** The engine's id; the endpoint a container gets for it has the same. */
  readonly id: EndpointId;
  readonly networkId: NetworkId;
  /** Taken from the network's pools, or the engine's own choice. */
  readonly addresses: readonly InterfaceAddress[];
  readonly mac: MacAddress;
  readonly exposed: readonly ExposedPort[];
  readonly createdAt: string;
  readonly bootId: string;
}
