// What Docker's API answers, as far as it concerns us. Fields that are absent, null or unknown are fine; one of another type
// is an error, so that nothing is taken for gone because it could not be read.
import { type Cidr, type IpAddress, parseInterfaceAddress, parseIp, subnetOf } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';

export interface DockerNetwork {
  readonly id: string;
  readonly name: string;
  readonly subnets: readonly Cidr[];
  /** Of gateways and those kept for other devices. A gateway Docker was not told, but given, may be missing. */
  readonly addresses: readonly IpAddress[];
}

/** Docker's view of the endpoints of a container; a stopped one has none. */
export interface DockerEndpoint {
  readonly id: string;
  readonly addresses: readonly IpAddress[];
  /** Names it has on that network, its own and others. */
  readonly names: readonly string[];
}

export interface ListedContainer {
  readonly id: string;
  readonly endpoints: readonly DockerEndpoint[];
}

export interface DockerContainer extends ListedContainer {
  readonly name: string;
  readonly hostname: string;
  readonly running: boolean;
  readonly pid: number;
  readonly networkMode: string;
  /** Where its network namespace is mounted; empty when it uses that of another container. */
  readonly sandboxKey: string;
}

export interface DockerEvent {
  readonly type: string;
  readonly action: string;
  /** Of the object it is about. */
  readonly id: string;
  readonly attributes: { readonly name: string; readonly container: string };
}

/** Errors: `unavailable`, as of all functions here. */
export function readNetworks(answer: unknown): readonly DockerNetwork[] {
  return list(answer, 'the list of networks').map((item) => {
    const network = object(item, 'a network');
    const pools = list(object(network['IPAM'], 'IPAM')['Config'], 'IPAM.Config').map((pool) =>
      object(pool, 'IPAM.Config'),
    );
    return {
      id: id(network['Id']),
      name: text(network['Name'], 'Name'),
      subnets: pools.flatMap(({ Subnet }) => subnet(text(Subnet, 'Subnet'))),
      addresses: pools
        .flatMap(({ Gateway, AuxiliaryAddresses }) => [
          Gateway,
          ...Object.values(object(AuxiliaryAddresses, 'AuxiliaryAddresses')),
        ])
        .flatMap((value) => address(text(value, 'an address'))),
    };
  });
}

export function readContainers(answer: unknown): readonly ListedContainer[] {
  return list(answer, 'the list of containers').map((item) => {
    const container = object(item, 'a container');
    return { id: id(container['Id']), endpoints: endpoints(container) };
  });
}

export function readContainer(answer: unknown): DockerContainer {
  const container = object(answer, 'a container');
  const state = object(container['State'], 'State');
  return {
    id: id(container['Id']),
    name: text(container['Name'], 'Name').replace(/^\//, ''),
    hostname: text(object(container['Config'], 'Config')['Hostname'], 'Config.Hostname'),
    running: state['Running'] === true,
    pid: typeof state['Pid'] === 'number' ? state['Pid'] : 0,
    networkMode: text(object(container['HostConfig'], 'HostConfig')['NetworkMode'], 'HostConfig.NetworkMode'),
    sandboxKey: text(settings(container)['SandboxKey'], 'NetworkSettings.SandboxKey'),
    endpoints: endpoints(container),
  };
}

export function readEvent(line: string): DockerEvent {
  const event = object(parseJson(line), 'an event');
  const actor = object(event['Actor'], 'Actor');
  const attributes = object(actor['Attributes'], 'Actor.Attributes');
  return {
    type: text(event['Type'], 'Type'),
    action: text(event['Action'], 'Action'),
    id: text(actor['ID'], 'Actor.ID'),
    attributes: {
      name: text(attributes['name'], 'Actor.Attributes.name'),
      container: text(attributes['container'], 'Actor.Attributes.container'),
    },
  };
}

export function parseJson(answer: string): unknown {
  try {
    return JSON.parse(answer);
  } catch (cause) {
    throw new NetError('unavailable', 'Docker answered something that is not JSON', { cause });
  }
}

function endpoints(container: JsonObject): readonly DockerEndpoint[] {
  const networks = object(settings(container)['Networks'], 'NetworkSettings.Networks');
  return Object.values(networks).flatMap((value) => {
    const network = object(value, 'NetworkSettings.Networks');
    const endpointId = text(network['EndpointID'], 'EndpointID');
    if (endpointId === '') return [];
    const addresses = [network['IPAddress'], network['GlobalIPv6Address']];
    const names = [network['Aliases'], network['DNSNames']].flatMap((some) => list(some, 'names'));
    return {
      id: endpointId,
      addresses: addresses.flatMap((one) => address(text(one, 'an address'))),
      names: [...new Set(names.map((name) => text(name, 'a name')))],
    };
  });
}

function settings(container: JsonObject): JsonObject {
  return object(container['NetworkSettings'], 'NetworkSettings');
}

/** As the user wrote it, perhaps. */
function subnet(written: string): readonly Cidr[] {
  return valid(() => subnetOf(parseInterfaceAddress(written, 'subnet')));
}

function address(written: string): readonly IpAddress[] {
  return valid(() => parseIp(written, 'address'));
}

/** What is no address can be none of ours. */
function valid<T>(parse: () => T): readonly T[] {
  try {
    return [parse()];
  } catch {
    return [];
  }
}

type JsonObject = Readonly<Record<string, unknown>>;

function object(value: unknown, what: string): JsonObject {
  if (value === null || value === undefined) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw unexpected(what, value);
  return value as JsonObject;
}

function list(value: unknown, what: string): readonly unknown[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) throw unexpected(what, value);
  return value;
}

function text(value: unknown, what: string): string {
  if (value === null || value === undefined) return '';
  if (typeof value !== 'string') throw unexpected(what, value);
  return value;
}

function id(value: unknown): string {
  if (typeof value !== 'string' || value === '') throw unexpected('Id', value);
  return value;
}

function unexpected(what: string, value: unknown): NetError {
  const shown = (JSON.stringify(value) ?? 'nothing').slice(0, 60);
  return new NetError('unavailable', `Docker answered ${shown} where ${what} was expected`);
}
