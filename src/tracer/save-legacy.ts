// How rules of iptables' older kernel interface are read: by its program, which is not the tracer's to start.
import type { IpFamily } from '../base/cidr.ts';

/** What iptables-legacy-save prints on the host, or its twin for IPv6; undefined where there is no such program. */
export type SaveLegacy = (family: IpFamily) => Promise<string | undefined>;
