// The contract of a prober: sends a real packet, from inside a namespace, to see what becomes of it.
import type { IpAddress } from '../base/cidr.ts';
import type { TracedSandbox } from './tracer.ts';

export type ProbePlace = 'host' | TracedSandbox;

/** SCTP is not among them: its sockets cannot be had in every kernel. */
export type ProbeProtocol = 'tcp' | 'udp' | 'icmp';

export interface ListenAt {
  readonly place: ProbePlace;
  readonly protocol: 'tcp' | 'udp';
  readonly address: IpAddress;
  readonly port: number;
}

export interface ProbeListener {
  /** The port is free again when it returns. May be repeated. */
  close(): void;
}

export interface Probe {
  readonly place: ProbePlace;
  readonly protocol: ProbeProtocol;
  readonly to: IpAddress;
  /** Absent for `icmp` alone. */
  readonly port?: number;
  /** Nobody but a listener of `listen` counts. */
  readonly isOurs: boolean;
  /** Of the whole IP packet of an echo request, which is never taken apart on its way; of no more than is needed when absent. */
  readonly sizeBytes?: number;
  /** Two seconds when absent. */
  readonly patienceMs?: number;
}

export interface ProbeOutcome {
  /** Undefined where silence may be what a service chooses. */
  readonly answered: boolean | undefined;
  /** What became of it: `is answered`, `is refused`. */
  readonly text: string;
  /** Somebody there answered that nobody listens. */
  readonly refused?: true;
}

export interface Prober {
  /** Undefined where the port is taken or the address is not there. Errors: `not_found` when the namespace is gone, `unavailable`. */
  listen(at: ListenAt): Promise<ProbeListener | undefined>;
  /** Takes no longer than the probe's patience. Errors: `not_found` when the namespace is gone. */
  attempt(probe: Probe): Promise<ProbeOutcome>;
}
