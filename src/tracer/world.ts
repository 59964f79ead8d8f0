// The namespaces a packet may pass, opened when it gets there, and what is behind the links between them.
import type { IpAddress } from '../base/cidr.ts';
import { type Namespace, openNamespace, sameNamespace } from '../kernel/netns.ts';
import type { Link } from '../kernel/rtnetlink/link.ts';
import { Place } from './place.ts';
import type { SaveLegacy } from './save-legacy.ts';
import type { HeldPort, TracedPeer, TracedSandbox, TraceRequest } from './tracer.ts';

/** A link in a sandbox, and the link of the host it hangs on: the other end of a veth, or a macvlan's parent. */
export interface Attached {
  readonly place: Place;
  readonly link: Link;
  readonly hostLink: Link;
}

export class World {
  readonly host: Place;
  readonly held: readonly HeldPort[];
  readonly #sandboxes: readonly TracedSandbox[];
  readonly #peers: readonly TracedPeer[];
  readonly #owners: ReadonlyMap<string, string>;
  readonly #places = new Map<string, Place | undefined>();
  readonly #open: Namespace[] = [];

  private constructor(host: Place, { sandboxes, peers, held, owners }: TraceRequest) {
    this.host = host;
    this.held = held;
    this.#sandboxes = sandboxes;
    this.#peers = peers;
    this.#owners = owners;
  }

  static async of(request: TraceRequest, legacy?: SaveLegacy): Promise<World> {
    return new World(await Place.host(legacy), request);
  }

  /** Undefined when the recorded namespace is gone. */
  async place({ name, namespace }: TracedSandbox): Promise<Place | undefined> {
    if (this.#places.has(name)) return this.#places.get(name);
    const open = openRecorded(namespace);
    const place = open === undefined ? undefined : await Place.sandbox(name, open);
    if (open !== undefined) this.#open.push(open);
    this.#places.set(name, place);
    return place;
  }

  /** Who has an address on a link that hangs on one of these links of the host. */
  async neighbour(address: IpAddress, isNear: (hostLink: Link) => boolean): Promise<Attached | undefined> {
    for (const sandbox of this.#sandboxes.filter(({ addresses }) => addresses?.includes(address) ?? true)) {
      const place = await this.place(sandbox);
      for (const link of place?.links ?? []) {
        const hostLink = this.hostLinkOf(link);
        if (place?.hasAddress(address, link) && hostLink !== undefined && isNear(hostLink)) {
          return { place, link, hostLink };
        }
      }
    }
    return undefined;
  }

  /** Who has an address behind the tunnel of a bridge. */
  peer(address: IpAddress, bridge: Link): TracedPeer | undefined {
    return this.#peers.find((peer) => peer.bridge === bridge.name && peer.addresses.includes(address));
  }

  /** The link of the host that a link in a sandbox hangs on; undefined for one that hangs on none. */
  hostLinkOf(link: Link): Link | undefined {
    if (link.parent === undefined || link.parentNamespace === undefined) return undefined;
    const parent = this.host.link(link.parent);
    if (link.info.kind === 'macvlan') return parent;
    return parent?.parent === link.index ? parent : undefined;
  }

  /** `bridge fl-0123456789 (network lab)`; in a sandbox the name alone. */
  linkText(place: Place, { name }: Pick<Link, 'name'>): string {
    const owner = place.isHost ? this.#owners.get(name) : undefined;
    return owner === undefined ? name : `${name} (${owner})`;
  }

  close(): void {
    for (const namespace of this.#open) namespace.close();
  }
}

function openRecorded(recorded: TracedSandbox['namespace']): Namespace | undefined {
  try {
    const open = openNamespace({ path: recorded.path });
    if (sameNamespace(open, recorded)) return open;
    open.close();
  } catch {
    // Gone, which is told where it is missed.
  }
  return undefined;
}
