// The /48 that an installation takes its IPv6 subnets from.
import { randomBytes } from 'node:crypto';
import { type Cidr, fromBytes } from '../base/cidr.ts';

/** RFC 4193 section 3.2: fd00::/8 with 40 random bits. Made once and kept, so that subnets stay the installation's own. */
export function randomUlaPrefix(): Cidr {
  const bytes = new Uint8Array(16);
  bytes.set([0xfd, ...randomBytes(5)]);
  return `${fromBytes(bytes)}/48` as Cidr;
}
