// The contract of a network driver: a pure description of what a network needs, plus the one kernel object a network may have.
import type { Attachment } from '../model/attachment.ts';
import type { Difference } from '../model/difference.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { DriverName, Network } from '../model/network.ts';
import type { Peer, PeerChange } from '../model/peer.ts';
import type { NetworkPolicy, PortForward } from '../model/policy.ts';
import type { ForwardingNeed } from './host-forwarding.ts';

/** A network that is being created: everything but what `resolve` fills in. */
export type NetworkDraft = Omit<Network, 'createdAt'>;

export interface Driver {
  readonly name: DriverName;
  readonly scope: 'local' | 'global';
  /** False for drivers whose sandboxes get no interface of their own (`host`, `none`). */
  readonly hasInterfaces: boolean;
  /** True when published ports and masquerading work on its networks, on those that have a `policy`. */
  readonly hasGateway: boolean;
  /** The kernel objects of its networks are there while this host has an endpoint on them, and only then. */
  readonly onDemand?: true;
  /** The way to endpoints on other hosts; absent of drivers whose networks end at this one. */
  readonly tunnels?: Tunnels;
  /**
   * Checks raw `-o` options and returns them under Fairlead's short names in canonical form. Pure.
   * Errors: `invalid_parameter` for a bad value, or for an unknown key, listing the known ones.
   */
  normalizeOptions(raw: Readonly<Record<string, string>>): Readonly<Record<string, string>>;
  /**
   * Fills in what only the host knows (`mtu`, `parent`, the bridge's name) and checks the draft against the host.
   * Called once, at create; its result is recorded. Errors: `invalid_parameter`, `not_found` (parent), `conflict`
   * (an interface of that name), `not_implemented` (kernel lacks the feature, which is named).
   */
  resolve(draft: NetworkDraft, others: readonly Network[]): Promise<Readonly<Record<string, string>>>;
  /** Makes the kernel objects of the network, or brings them back to the record. May be repeated. */
  ensureNetwork(network: Network): Promise<void>;
  /** Removes them; absent is fine. */
  removeNetwork(network: Network): Promise<void>;
  /** The names of the links on the host that are the network's own; none where it has none. Pure. */
  hostLinks?(network: Network): readonly string[];
  /** What is missing or wrong in the kernel for this network; changes nothing. */
  inspectNetwork(network: Network): Promise<readonly Difference[]>;
  /** What to do in the sandbox for an endpoint; undefined when the driver makes no interface. Pure. */
  attachment(network: Network, endpoint: Endpoint): Attachment | undefined;
  /** What the firewall must allow; undefined when there is nothing to say. Pure. */
  policy(network: Network): NetworkPolicy | undefined;
  /** By family, whether packets of the network pass between interfaces of the host, which must be switched on; absent: neither. Pure. */
  needsForwarding?(network: Network): ForwardingNeed;
  /** The endpoint's published ports with the addresses they lead to. Pure. */
  forwards(network: Network, endpoint: Endpoint): readonly Omit<PortForward, 'keepSource'>[];
}

/** What the kernel knows of endpoints on other hosts. For networks whose kernel objects are there. */
export interface Tunnels {
  /** Brings the kernel's entries to exactly these, by what differs. May be repeated. */
  replacePeers(network: Network, peers: Iterable<Peer>): Promise<void>;
  /** The same for what changed, without looking at the rest, in one program. What is there or gone already is fine. */
  changePeers(network: Network, change: PeerChange): Promise<void>;
  /** Entries that are missing, wrong or too many; changes nothing. */
  inspectPeers(network: Network, peers: Iterable<Peer>): Promise<readonly Difference[]>;
  /** Closed tunnels carry nothing, also those made from now on. Until it is said, what is there stays as it is, and what is made is open. */
  setOpen(open: boolean, networks: readonly Network[]): Promise<void>;
  /**
   * Whether the checksums of what goes through the network's tunnel are complete before it: for hardware on the way that leaves them
   * wrong. Not so at first. May be repeated.
   */
  avoidChecksumOffload(network: Network, avoid: boolean): Promise<void>;
}
