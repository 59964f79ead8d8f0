// An allowance: connections from one place to another that policy would keep apart, let through because somebody said so.
import type { AllowanceId, NetworkId, SandboxId } from './ids.ts';
import type { Protocol } from './port.ts';

/** All endpoints of a network, or all of a sandbox, whichever they are at the time. */
export type Party =
  | { readonly network: NetworkId; readonly sandbox?: never }
  | { readonly sandbox: SandboxId; readonly network?: never };

export interface Allowance {
  readonly id: AllowanceId;
  readonly createdAt: string;
  /** Who may open connections. */
  readonly from: Party;
  readonly to: Party;
  /** To these ports, both ends included; to every port, and by any protocol, when absent. */
  readonly ports?: { readonly protocol: Protocol; readonly first: number; readonly last: number };
}

/** `80/tcp`, `8000-8009/udp`. */
export function portsText({ protocol, first, last }: NonNullable<Allowance['ports']>): string {
  return `${first === last ? first : `${first}-${last}`}/${protocol}`;
}
