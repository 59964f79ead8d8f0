// The users of simulated hosts: what they ask for, and what they may be answered.
import type { Cidr, IpAddress } from '../../../../src/base/cidr.ts';
import { rangeOf, toIpAddress } from '../../../../src/base/cidr.ts';
import { type ErrorCode, toNetError } from '../../../../src/base/errors.ts';
import type { EndpointId, NetworkId } from '../../../../src/model/ids.ts';
import type { Network } from '../../../../src/model/network.ts';
import type { SimulatedCore } from '../../../support/simulated-core.ts';
import type { SimulatedHost } from '../../../support/simulated-host.ts';
import type { World } from './world.ts';

const names = ['red', 'green', 'blue'];
/** Of five addresses, of thirteen and of sixty-one; some overlap. */
const subnets = ['10.0.0.0/29', '10.0.0.0/28', '10.0.1.0/28', '10.0.1.0/26', '10.0.2.0/29'] as Cidr[];

interface Request {
  readonly core: SimulatedCore;
  readonly host: SimulatedHost;
  readonly what: string;
  readonly atMs: number;
}

export class Users {
  readonly #world: World;
  /** Those that wait for their answer. */
  readonly #waiting = new Set<Request>();
  /** Asked to go, be they connected yet or not. */
  readonly #leaving = new Set<EndpointId>();
  #ids = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** Requests without an answer, of daemons that still run. */
  get unanswered(): readonly string[] {
    const waiting = [...this.#waiting].filter(({ core, host }) => host.core === core);
    return waiting.map(({ host, what, atMs }) => `${host.id}: ${what} since ${atMs}`);
  }

  createNetwork(host: SimulatedHost): void {
    const { randomness } = this.#world.time;
    // The first half is what a VXLAN id is chosen by: some meet.
    const number = ++this.#ids;
    const id = `0000000${number % 3}net${number}` as NetworkId;
    const name = randomness.pick(names) ?? '';
    const subnet = randomness.pick(subnets) ?? ('' as Cidr);
    const vni = randomness.below(4) === 0 ? String(100 + randomness.below(3)) : undefined;
    this.#ask(host, `create ${id} ${name} ${subnet}`, ['already_exists', 'conflict'], (core) =>
      core.createNetwork(draftNetwork(id, { name, subnet, vni })),
    );
  }

  deleteNetwork(host: SimulatedHost): void {
    const network = this.#someNetwork(host);
    if (network === undefined) return;
    this.#ask(host, `delete ${network.id} ${network.name}`, ['not_found', 'conflict'], (core) =>
      core.deleteNetwork(network.id),
    );
  }

  connect(host: SimulatedHost): void {
    const network = this.#someNetwork(host);
    if (network === undefined) return;
    const { randomness } = this.#world.time;
    const id = `ep-${++this.#ids}` as EndpointId;
    const wanted = randomness.below(8) === 0 ? someAddress(network, randomness.next()) : undefined;
    const { lapses } = host;
    this.#ask(
      host,
      `connect ${id} to ${network.id}${wanted === undefined ? '' : ` as ${wanted}`}`,
      ['not_found', 'conflict', 'exhausted', 'invalid_parameter'],
      async (core) => {
        await core.connect(id, network.id, wanted);
        if (!this.#leaving.has(id)) this.#world.promised.set(id, { host, networkId: network.id, lapses });
      },
    );
  }

  disconnect(host: SimulatedHost, wants: (networkId: NetworkId) => boolean = () => true): void {
    const own = [...host.records.endpoints.values()].filter(({ networkId }) => wants(networkId));
    const endpoint = this.#world.time.randomness.pick(own);
    if (endpoint !== undefined) this.#disconnect(host, endpoint.id);
  }

  /** The last of a network goes with what the host holds of it. */
  leave(host: SimulatedHost): void {
    const network = this.#someNetwork(host);
    for (const { id, networkId } of [...host.records.endpoints.values()]) {
      if (networkId === network?.id) this.#disconnect(host, id);
    }
  }

  #disconnect(host: SimulatedHost, id: EndpointId): void {
    this.#leaving.add(id);
    this.#world.promised.delete(id);
    this.#ask(host, `disconnect ${id}`, [], (core) => core.disconnect(id));
  }

  #someNetwork(host: SimulatedHost): Network | undefined {
    return this.#world.time.randomness.pick([...host.records.networks.values()]);
  }

  #ask(
    host: SimulatedHost,
    what: string,
    allowed: readonly ErrorCode[],
    work: (core: SimulatedCore) => Promise<unknown>,
  ): void {
    const { core } = host;
    if (core === undefined) return;
    const world = this.#world;
    const request = { core, host, what, atMs: Math.round(world.time.nowMs) };
    world.note(`${host.id}: ${what}`);
    this.#waiting.add(request);
    work(core)
      .then(
        () => world.note(`${host.id}: done: ${what}`),
        (error: unknown) => {
          const { code, message } = toNetError(error);
          world.note(`${host.id}: failed: ${what}: ${code} ${message}`);
          if (code === 'unavailable' || allowed.includes(code)) return;
          world.violate(`${host.id}: ${what} fails with ${code}: ${stackOf(error)}`);
        },
      )
      .finally(() => this.#waiting.delete(request));
  }
}

function draftNetwork(
  id: NetworkId,
  { name, subnet, vni }: { readonly name: string; readonly subnet: Cidr; readonly vni: string | undefined },
): Network {
  const gateway = toIpAddress(rangeOf(subnet).first + 1n, 4);
  return {
    id,
    name,
    driver: 'overlay',
    createdAt: '2026-01-01T00:00:00.000Z',
    internal: false,
    ipv4: true,
    ipv6: false,
    options: vni === undefined ? {} : { vni },
    labels: {},
    ipam: { driver: 'default', options: {}, pools: [{ subnet, gateway, reserved: {} }] },
    builtin: false,
  };
}

/** Between the gateway and the broadcast address. */
function someAddress({ ipam }: Network, where: number): IpAddress | undefined {
  const [pool] = ipam.pools;
  if (pool === undefined) return undefined;
  const { first, last } = rangeOf(pool.subnet);
  return toIpAddress(first + 2n + BigInt(Math.floor(where * Number(last - first - 2n))), 4);
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
