// Resolvers at the addresses the host has on its networks, for sandboxes that have none of their own.
import type { IpAddress } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { type NetworkId, type SandboxId, shortId } from '../model/ids.ts';
import type { ResolverView } from '../model/name-entry.ts';
import { type Askers, viewFrom } from './askers.ts';
import { Listener, type ResolverSockets } from './listener.ts';
import { Listeners } from './listeners.ts';
import type { NameTable } from './name-table.ts';
import { linkPayloadBytes } from './reply.ts';
import type { Responder } from './responder.ts';

export interface GatewayParts {
  readonly table: NameTable;
  readonly views: ReadonlyMap<SandboxId, ResolverView>;
  readonly responder: Responder;
  readonly openSockets: (address: IpAddress) => Promise<ResolverSockets>;
  readonly log: Log;
}

/** All sandboxes of a network share one listener. */
const connectionsMax = 1024;

export class Gateways {
  readonly #parts: GatewayParts;
  readonly #askers: Askers;
  readonly #listeners = new Listeners<IpAddress, NetworkId>();

  constructor(parts: GatewayParts) {
    const { table, views } = parts;
    this.#parts = parts;
    this.#askers = { table, views, isHost: (address) => this.#isHost(address) };
  }

  /** Whether questions sent to an address come to us. */
  listensAt(address: string): boolean {
    return this.#listeners.placeOf(address as IpAddress) !== undefined;
  }

  /** Errors: `conflict`, also for an address that answers for another network; `unavailable`. */
  async open(networkId: NetworkId, address: IpAddress): Promise<void> {
    const owner = this.#listeners.placeOf(address) ?? networkId;
    if (owner !== networkId) {
      throw new NetError('conflict', `port 53 of ${address} answers for network ${shortId(owner)}`);
    }
    await this.#listeners.open(address, networkId, () => this.#listen(networkId, address));
  }

  close(networkId: NetworkId): void {
    for (const address of this.#listeners.keysAt(networkId)) this.#listeners.close(address);
  }

  /** Those of a network that answer now. */
  of(networkId: NetworkId): readonly IpAddress[] {
    return this.#listeners.keysAt(networkId).filter((address) => this.#listeners.isOpen(address));
  }

  closeAll(): Promise<void> {
    return this.#listeners.closeAll();
  }

  async #listen(networkId: NetworkId, address: IpAddress): Promise<Listener> {
    const { responder, openSockets, log } = this.#parts;
    return new Listener(await openSockets(address), {
      respond: (message, transport, from) =>
        responder.respond(message, transport, viewFrom(from, networkId, this.#askers), linkPayloadBytes),
      connectionsMax,
      log,
    });
  }

  /** A process of the host asks from the address it asks, unless it chose another. Who forges one of them gets no reply. */
  #isHost(address: string): boolean {
    return this.listensAt(address) || address === '::1' || address.startsWith('127.');
  }
}
