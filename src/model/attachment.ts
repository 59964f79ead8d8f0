// What a driver wants done inside a sandbox for one endpoint: pure data, carried out by the sandbox in one netlink program.
import type { Cidr, InterfaceAddress, IpAddress } from '../base/cidr.ts';
import type { MacAddress } from '../base/mac.ts';
import type { InterfaceSettings, InterfaceTuning, Shaping } from './interface-settings.ts';

export type MacvlanMode = 'bridge' | 'private' | 'vepa' | 'passthru';

/** How the interface comes to be. Links are named in the host's namespace. */
export type LinkPlan =
  | {
      readonly kind: 'veth';
      /** Name of the end that stays on the host. */
      readonly hostIfname: string;
      /** Bridge the host end is a port of. */
      readonly bridge: string;
      /** The port may talk to the bridge itself but to no other isolated port (icc=false). */
      readonly isolated: boolean;
      /** The bridge may send a frame back out of the port it came in by. */
      readonly hairpin: boolean;
      /** What comes in by the port must be from the interface's own addresses. */
      readonly guarded?: true;
    }
  | { readonly kind: 'macvlan'; readonly parent: string; readonly mode: MacvlanMode }
  | {
      /** An interface of the sandbox that somebody else made: only its settings are ours. */
      readonly kind: 'foreign';
      /** How it was before, and is to be again. */
      readonly former: InterfaceSettings;
    };

export interface Route {
  readonly destination: Cidr;
  /** On-link when absent. */
  readonly gateway?: IpAddress;
  /** Main when absent. */
  readonly table?: number;
  readonly metric?: number;
  /** RT_SCOPE_…: what follows from the gateway when absent. */
  readonly scope?: number;
  readonly mtuBytes?: number;
  readonly advertisedMssBytes?: number;
}

export interface Attachment {
  readonly link: LinkPlan;
  /** Name inside the sandbox. */
  readonly ifname: string;
  readonly mac: MacAddress;
  readonly mtuBytes: number;
  /** Families without an address are switched off on the interface. */
  readonly addresses: readonly InterfaceAddress[];
  readonly routes: readonly Route[];
  /** Gateways this endpoint could serve as the sandbox's default route, by family; the core chooses among endpoints. */
  readonly gateways: { readonly ipv4?: IpAddress; readonly ipv6?: IpAddress };
  /** Its MTU, if any, is that of `mtuBytes`. */
  readonly tuning?: InterfaceTuning;
  readonly shaping?: Shaping & {
    /** Name of the device on the host through which what the sandbox sends is led (ifb). */
    readonly ifbName: string;
  };
  /** The interface is left on the host under `ifname`, down: whoever asked for it moves it into the sandbox and configures it. */
  readonly offered?: true;
  /** It was offered, and taken: how IPv6 is set on it is its taker's affair, only its addresses are looked for. */
  readonly taken?: true;
  /** Others may change MAC address, MTU and routes later, which is no fault: a CNI chain does. */
  readonly sharedWithOthers?: true;
}
