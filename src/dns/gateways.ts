// Resolvers at the addresses the host has on its networks, for sandboxes that have none of their own.
import type { IpAddress } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import { type NetworkId, shortId } from '../model/ids.ts';
import { type Askers, viewFrom } from './askers.ts';
import { Listeners } from './listeners.ts';
import { linkPayloadBytes } from './message/reply.ts';
import type { Mirror } from './names/mirror.ts';
import type { NameTable } from './names/name-table.ts';
import type { Responder } from './responder.ts';
import type { OpenedSockets } from './sockets/resolver-sockets.ts';
import type { ThreadListener, ThreadListeners } from './thread-listeners.ts';

export interface GatewayParts {
  readonly table: NameTable;
  readonly views: Askers['views'];
  readonly responder: Responder;
  readonly listeners: ThreadListeners;
  readonly networks: Mirror['networks'];
  readonly openSockets: (address: IpAddress) => Promise<OpenedSockets>;
  /** Called when questions sent to an address begin to come to us, and when they do not any more. */
  readonly onChange: (address: IpAddress) => void;
}

/** All sandboxes of a network share one listener; one asker has 64 connections at most. */
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
    const opening = this.#listeners.open(address, networkId, () => this.#listen(networkId, address));
    this.#parts.onChange(address);
    try {
      await opening;
    } catch (error) {
      this.#parts.onChange(address);
      throw error;
    }
  }

  close(networkId: NetworkId): void {
    for (const address of this.#listeners.keysAt(networkId)) {
      this.#listeners.close(address);
      this.#parts.onChange(address);
    }
  }

  /** Those of a network that answer now. */
  of(networkId: NetworkId): readonly IpAddress[] {
    return this.#listeners.keysAt(networkId).filter((address) => this.#listeners.isOpen(address));
  }

  closeAll(): Promise<void> {
    return this.#listeners.closeAll();
  }

  async #listen(networkId: NetworkId, address: IpAddress): Promise<ThreadListener> {
    const { responder, openSockets, listeners, networks } = this.#parts;
    const opened = await openSockets(address);
    const release = async () => {
      networks.drop(networkId);
      await opened.release?.();
    };
    return listeners.listen(
      { ...opened, release },
      {
        role: { network: networks.take(networkId) },
        limits: { datagramBytes: linkPayloadBytes, connectionsMax },
        respond: (message, transport, from) =>
          responder.respond(message, transport, viewFrom(from, networkId, this.#askers), linkPayloadBytes),
      },
    );
  }

  /** A process of the host asks from the address it asks, unless it chose another. Who forges one of them gets no reply. */
  #isHost(address: string): boolean {
    return this.listensAt(address) || address === '::1' || address.startsWith('127.');
  }
}
