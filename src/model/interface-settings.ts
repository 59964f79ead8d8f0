// What is wanted of one interface beyond its addresses: link settings, sysctls and rate limits.
import type { MacAddress } from '../base/mac.ts';

/** Settings of a link that is there. What is absent is left as it is. */
export interface InterfaceSettings {
  readonly mac?: MacAddress;
  readonly mtuBytes?: number;
  readonly promiscuous?: boolean;
  readonly allMulticast?: boolean;
  /** Packets. */
  readonly txQueueLength?: number;
}

/** How the interface of one endpoint differs from what its network gives it. */
export interface InterfaceTuning extends Omit<InterfaceSettings, 'mac'> {
  /** By path below /proc/sys, in the sandbox's namespace: `net/ipv4/conf/eth0/rp_filter`. */
  readonly sysctls?: Readonly<Record<string, string>>;
  /** The interface is made and configured, but not brought up. */
  readonly down?: true;
  /** Only frames with the interface's own MAC address as their source get through. */
  readonly checkSourceMac?: true;
}

export interface RateLimit {
  readonly bitsPerSecond: number;
  /** How much may pass at once after a pause. */
  readonly burstBits: number;
}

/** Rate limits of one endpoint, by direction. */
export interface Shaping {
  readonly toSandbox?: RateLimit;
  readonly fromSandbox?: RateLimit;
}
