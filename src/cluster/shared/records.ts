// Records of a cluster as text: what hosts of different versions read of each other. Unknown fields are passed over; what is not
// a record at all is nothing. Pure.
import type { InterfaceAddress, IpAddress, IpFamily } from '../../base/cidr.ts';
import type { MacAddress } from '../../base/mac.ts';
import type { EndpointId, HostId, NetworkId, SandboxId } from '../../model/ids.ts';
import type { Network } from '../../model/network.ts';
import type { ClusterHost, SharedEndpoint } from '../../model/peer.ts';
import type { ExposedPort } from '../../model/port.ts';

/** What all hosts agree on; the first one says it. */
export interface Schema {
  /** Of the records' form: a host takes no part in a cluster of a newer one. */
  readonly version: number;
  /** Made up with the record: with another one, it is another store, or the same one wiped or restored. */
  readonly clusterId: string;
  readonly leaseSeconds: number;
  readonly graceSeconds: number;
  /** Of the addresses at which tunnels end. */
  readonly family: IpFamily;
}

export const schemaVersion = 1;

/** A network as it is shared, with the name of the host it was made on. */
export interface SharedNetwork {
  readonly network: Network;
  readonly madeOn?: string;
}

/** An endpoint and who has it. */
export interface OwnedEndpoint {
  readonly host: HostId;
  readonly endpoint: SharedEndpoint;
}

export function encodeSchema(schema: Schema): string {
  return JSON.stringify(schema);
}

export function decodeSchema(text: string): Schema | undefined {
  const fields = parse(text);
  const { version, clusterId, leaseSeconds, graceSeconds, family } = fields;
  if (typeof version !== 'number') return undefined;
  return {
    version,
    clusterId: typeof clusterId === 'string' ? clusterId : '',
    leaseSeconds: Number(leaseSeconds),
    graceSeconds: Number(graceSeconds),
    family: family === 6 ? 6 : 4,
  };
}

export function encodeHost({ name, address, mac, mtuBytes }: ClusterHost): string {
  return JSON.stringify({ name, address, mac, mtuBytes });
}

export function decodeHost(id: HostId, text: string): ClusterHost | undefined {
  const { name, address, mac, mtuBytes } = parse(text);
  if (typeof name !== 'string' || typeof address !== 'string' || typeof mac !== 'string') return undefined;
  return {
    id,
    name,
    address: address as IpAddress,
    mac: mac as MacAddress,
    mtuBytes: Number(mtuBytes),
  };
}

/** `pending` is for each host to say of its own copy. */
export function encodeNetwork({ pending: _, ...network }: Network, madeOn: string): string {
  return JSON.stringify({ ...network, madeOn });
}

export function decodeNetwork(id: NetworkId, text: string): SharedNetwork | undefined {
  const { madeOn, ...fields } = parse(text);
  if (typeof fields['name'] !== 'string' || typeof fields['driver'] !== 'string') return undefined;
  const pools = (fields['ipam'] as Network['ipam'] | undefined)?.pools;
  if (!Array.isArray(pools) || typeof fields['options'] !== 'object') return undefined;
  const network = { ...(fields as unknown as Network), id, shared: true } as const;
  return { network, ...(typeof madeOn === 'string' && { madeOn }) };
}

export function encodeBlock(host: HostId): string {
  return JSON.stringify({ host });
}

/** Who holds it. */
export function decodeBlock(text: string): HostId | undefined {
  const { host } = parse(text);
  return typeof host === 'string' ? (host as HostId) : undefined;
}

export function encodeEndpoint(host: HostId, endpoint: SharedEndpoint): string {
  const { sandboxId, names, mac, addresses, services } = endpoint;
  return JSON.stringify({ host, sandboxId, names, mac, addresses, services });
}

export function decodeEndpoint(
  { networkId, id }: { readonly networkId: NetworkId; readonly id: EndpointId },
  text: string,
): OwnedEndpoint | undefined {
  const { host, sandboxId, names, mac, addresses, services } = parse(text);
  if (typeof host !== 'string' || typeof mac !== 'string' || !Array.isArray(addresses)) return undefined;
  const endpoint = {
    id,
    networkId,
    sandboxId: String(sandboxId) as SandboxId,
    names: (Array.isArray(names) ? names : []) as readonly string[],
    mac: mac as MacAddress,
    addresses: addresses as readonly InterfaceAddress[],
    services: (Array.isArray(services) ? services : []) as readonly ExposedPort[],
  };
  return { host: host as HostId, endpoint };
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
