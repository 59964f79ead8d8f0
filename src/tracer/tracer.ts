// The contract of a tracer: which way a packet takes through the namespaces and rules that are there now, and where it ends.
import type { Cidr, IpAddress } from '../base/cidr.ts';
import type { MacAddress } from '../base/mac.ts';
import type { Protocol } from '../model/port.ts';
import type { SandboxNamespace } from '../model/sandbox.ts';

/** A namespace packets may pass or end in, as it is called, and the addresses it has on our networks. */
export interface TracedSandbox {
  readonly name: string;
  readonly namespace: Extract<SandboxNamespace, { readonly path: string }>;
  /** Absent of one nothing is recorded of. */
  readonly addresses?: readonly IpAddress[];
}

/** An endpoint of another host, as it is recorded. */
export interface TracedPeer {
  readonly name: string;
  readonly addresses: readonly IpAddress[];
  readonly mac: MacAddress;
  /** That of its network on this host. */
  readonly bridge: string;
  readonly host: { readonly name: string; readonly address: IpAddress };
}

export type Origin =
  | { readonly kind: 'host' }
  | { readonly kind: 'sandbox'; readonly sandbox: TracedSandbox }
  /** A machine behind a link of the host; without an address one that could be there. */
  | { readonly kind: 'outside'; readonly ifname: string; readonly address?: IpAddress }
  | { readonly kind: 'peer'; readonly peer: TracedPeer };

/** `icmp`: an echo request, of either version. */
export type TracedProtocol = Protocol | 'icmp';

/** A port that a socket of ours holds on the host. */
export interface HeldPort {
  readonly protocol: Protocol;
  readonly address: IpAddress;
  readonly port: number;
  /** Where connections to the socket are taken to, when anything does. */
  readonly from?: readonly Cidr[];
  readonly relayedTo?: { readonly address: IpAddress; readonly port: number };
}

export interface TraceRequest {
  readonly from: Origin;
  readonly to: IpAddress;
  readonly protocol: TracedProtocol;
  /** Absent for `icmp` alone. */
  readonly port?: number;
  /** Where it should arrive: `host`, or the name of a sandbox or peer; anywhere when absent. */
  readonly goal?: string;
  /** All that may be met on the way. */
  readonly sandboxes: readonly TracedSandbox[];
  readonly peers: readonly TracedPeer[];
  readonly held: readonly HeldPort[];
  /** What links of the host belong to, by name: `network lab`. */
  readonly owners: ReadonlyMap<string, string>;
}

/** Where a rule stands. */
export interface RulePlace {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  /** From 1; absent when the chain's policy decides. */
  readonly number?: number;
  readonly handle?: string;
  /** Of iptables' older kernel interface, which nft does not see. */
  readonly legacy?: true;
}

/** The packet where it came to its end. */
export interface TracedPacket {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly protocol: TracedProtocol;
  readonly port?: number;
  /** Links of the host it came by and was about to leave by. */
  readonly iifname?: string;
  readonly oifname?: string;
}

/** What kept the packet, in the kernel's terms. */
export type Obstacle =
  | { readonly kind: 'no-route'; readonly place: string; readonly destination: IpAddress }
  | { readonly kind: 'link-down'; readonly place: string; readonly ifname: string }
  | { readonly kind: 'rule'; readonly place: string; readonly rule: RulePlace; readonly hook: string }
  /** Nobody can tell whether the rule holds. */
  | { readonly kind: 'unjudged'; readonly place: string; readonly rule: RulePlace; readonly hook: string }
  | { readonly kind: 'isolated-ports'; readonly bridge: string }
  | { readonly kind: 'no-neighbour'; readonly ifname: string; readonly address: IpAddress }
  | { readonly kind: 'not-forwarding'; readonly place: string; readonly sysctl: string }
  | {
      readonly kind: 'wrong-source';
      readonly place: string;
      readonly ifname: string;
      readonly sysctl?: string;
    }
  | { readonly kind: 'parent-of-macvlan'; readonly ifname: string }
  /** The kernel does not know the way to a peer, or another one. */
  | { readonly kind: 'tunnel'; readonly ifname: string; readonly peer: TracedPeer }
  | { readonly kind: 'not-listening'; readonly place: string; readonly at: readonly string[] }
  | { readonly kind: 'held'; readonly port: number }
  | { readonly kind: 'elsewhere'; readonly place: string }
  | { readonly kind: 'answer-lost'; readonly place: string };

export interface TraceStep {
  /** Undefined where it cannot be told. */
  readonly passes: boolean | undefined;
  readonly text: string;
}

export interface Trace {
  readonly steps: readonly TraceStep[];
  /** Undefined where a rule cannot be judged. */
  readonly passes: boolean | undefined;
  readonly obstacle?: Obstacle;
  /** It left the host, and what comes after that was not seen. */
  readonly leaves?: true;
  /** It left by this tunnel of the host, to an endpoint of another one. */
  readonly tunnel?: { readonly ifname: string; readonly peer: TracedPeer };
  /** Who answers connections of the same kind that began before and are still open. */
  readonly older: readonly IpAddress[];
  /** As it was where it ended. */
  readonly packet: TracedPacket;
}

export interface Tracer {
  /** Changes nothing. Errors: `not_found` when the origin is gone, `invalid_parameter` for a link the host does not have. */
  trace(request: TraceRequest): Promise<Trace>;
  /** The host's own on one of its links, IPv4 first. Errors: `invalid_parameter`. */
  hostAddresses(ifname: string): Promise<readonly IpAddress[]>;
}
