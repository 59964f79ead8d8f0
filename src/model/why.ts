// The answer to "why does it not get through?": the way of a packet, step by step, and what decides it.
import type { IpAddress } from '../base/cidr.ts';
import type { Protocol } from './port.ts';

export interface WhyRequest {
  /** `host`, `outside:INTERFACE[,ADDRESS]`, or what a connect's target may be. */
  readonly from: string;
  /** `TO[:PORT[/PROTOCOL]]`: TO is `host`, an IP address, or what a connect's target may be. */
  readonly to: string;
  /** Try it as well. */
  readonly probe?: boolean;
}

export interface WhyStep {
  /** Absent where it cannot be told. */
  readonly passes?: boolean;
  readonly text: string;
}

/** To one address. */
export interface WhyWay {
  readonly address: IpAddress;
  /** Absent where a rule cannot be judged. */
  readonly passes?: boolean;
  readonly steps: readonly WhyStep[];
  /** Why not, in a few words. */
  readonly reason?: string;
  /** Which command, option or rule would change it. */
  readonly change?: string;
  /** What the answer does not cover: connections that are there already. */
  readonly note?: string;
  /** Present when it was asked for. */
  readonly probe?: WhyProbe;
}

/** What became of a real packet. */
export interface WhyProbe {
  /** Absent when it was not tried, or when nobody can tell. */
  readonly answered?: boolean;
  /** Whether that is what the way says; absent when either cannot be told. */
  readonly agrees?: boolean;
  readonly text: string;
}

export interface WhyView {
  readonly from: string;
  readonly to: string;
  /** `icmp` is an echo request. */
  readonly protocol: Protocol | 'icmp';
  readonly port?: number;
  /** Whether any of the ways gets through. */
  readonly passes: boolean;
  readonly ways: readonly WhyWay[];
}
