// Numbers of the protocols that have ports (IANA, "Assigned Internet Protocol Numbers").
import type { Protocol } from '../model/port.ts';

export const protocolNumbers: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17, sctp: 132 };
