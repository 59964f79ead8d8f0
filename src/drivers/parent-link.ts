// The link of the host that macvlan and ipvlan networks hang on.
import { NetError } from '../base/errors.ts';
import { egressLink } from '../kernel/host-subnets.ts';
import { findLink } from '../kernel/rtnetlink/client.ts';
import type { Link } from '../kernel/rtnetlink/link.ts';

/** The parent by name, or the link of the default route. Errors: `invalid_parameter`, `not_found`. */
export async function parentLink(name: string | undefined): Promise<Link> {
  if (name === undefined) return defaultParent();
  if (name === 'lo') throw new NetError('invalid_parameter', 'option parent: lo leads nowhere');
  const link = await findLink({ name });
  if (link === undefined) throw new NetError('not_found', `parent ${name} does not exist`);
  return link;
}

/** The network's MTU: that of its parent unless a smaller one is given. Errors: `invalid_parameter`. */
export function mtuBelow(parent: Link, given: string | undefined): string {
  if (given === undefined) return String(parent.mtuBytes);
  if (Number(given) > parent.mtuBytes) {
    throw new NetError(
      'invalid_parameter',
      `option mtu: ${given} is more than the ${parent.mtuBytes} of parent ${parent.name}`,
    );
  }
  return given;
}

async function defaultParent(): Promise<Link> {
  const link = await egressLink();
  if (link !== undefined) return link;
  throw new NetError(
    'invalid_parameter',
    'option parent is needed: the host has no default route to take it from',
  );
}
