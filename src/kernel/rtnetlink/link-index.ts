// Indexes for the links we make: chosen beforehand, one program can make a link and configure it by its index.
import { randomInt } from 'node:crypto';

/** The kernel counts up from 1 in each namespace and will not come this far. */
const first = 2 ** 24;
const pairs = 2 ** 29;

/**
 * A random even index, free but for the unlikeliest of chances (then the kernel says EEXIST or EBUSY). The index after it
 * is for a veth's peer: with the same index on both ends the kernel takes a veth for a link without another end and
 * tells of a change of its carrier up to a second late (net/core/link_watch.c).
 */
export function chooseLinkIndex(): number {
  return first + 2 * randomInt(pairs);
}
