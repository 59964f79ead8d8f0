// Where the records of a cluster are in the store. Pure.
import type { Cidr } from '../../base/cidr.ts';
import type { EndpointId, HostId, NetworkId } from '../../model/ids.ts';

/** What a key below `networkParts` is of. */
export interface PartKey {
  readonly networkId: NetworkId;
  readonly block?: Cidr;
  readonly endpoint?: EndpointId;
}

export class Layout {
  readonly #root: string;

  constructor(prefix: string) {
    this.#root = `${prefix}/v1/`;
  }

  /** What all hosts have to agree on. */
  get schema(): string {
    return `${this.#root}schema`;
  }

  /** Written with every network that comes or goes, so that of two that were judged by the same reading one is refused. */
  get generation(): string {
    return `${this.#root}generation`;
  }

  /** There while the host lives. */
  host(id: HostId): string {
    return this.hosts + id;
  }

  get hosts(): string {
    return `${this.#root}host/`;
  }

  /** There while what the host holds is kept for it. */
  claim(id: HostId): string {
    return this.claims + id;
  }

  get claims(): string {
    return `${this.#root}claim/`;
  }

  network(id: NetworkId): string {
    return this.networks + id;
  }

  get networks(): string {
    return `${this.#root}network/`;
  }

  /** Blocks and endpoints of all networks. */
  get parts(): string {
    return `${this.#root}net/`;
  }

  partsOf(id: NetworkId): string {
    return `${this.parts}${id}/`;
  }

  block(id: NetworkId, cidr: Cidr): string {
    return `${this.partsOf(id)}block/${cidr.replace('/', '_')}`;
  }

  endpoint(id: NetworkId, endpoint: EndpointId): string {
    return `${this.partsOf(id)}endpoint/${endpoint}`;
  }

  /** Undefined of a key that is nothing this version knows. */
  parsePart(key: string): PartKey | undefined {
    if (!key.startsWith(this.parts)) return undefined;
    const [networkId, kind, name, ...more] = key.slice(this.parts.length).split('/');
    if (networkId === undefined || name === undefined || more.length > 0) return undefined;
    if (kind === 'block') return { networkId: networkId as NetworkId, block: name.replace('_', '/') as Cidr };
    if (kind === 'endpoint') return { networkId: networkId as NetworkId, endpoint: name as EndpointId };
    return undefined;
  }
}
