// What a refused attach means to whoever asked for it.
import { NetError } from '../base/errors.ts';
import { NetlinkError } from '../kernel/netlink/error.ts';
import type { Attachment } from '../model/attachment.ts';

/** The kernel's limit: BR_MAX_PORTS in net/bridge/br_private.h is 1 << 10, and number 0 is the bridge itself. */
const maxBridgePorts = 1023;

/** @param where the sandbox's namespace, for the message. */
export function attachError(error: unknown, attachment: Attachment, where: string): unknown {
  if (!(error instanceof NetlinkError)) return error;
  const { link, ifname } = attachment;
  const host = link.kind === 'veth' ? `bridge ${link.bridge}` : `parent ${link.parent}`;
  const fail = (code: NetError['code'], message: string) => new NetError(code, message, { cause: error });
  switch (error.code) {
    case 'EEXIST':
      return fail('conflict', `interface ${ifname} exists already in ${where}`);
    case 'EXFULL':
      return fail('exhausted', `${host} is full: the kernel allows ${maxBridgePorts} ports on a bridge`);
    case 'ENODEV':
      return fail('not_found', `${host} does not exist`);
    case 'ENOTSUP':
    case 'EOPNOTSUPP':
      return fail('not_implemented', `${host}: this kernel has no ${link.kind} links: ${error.message}`);
    case 'EBUSY':
      return fail('conflict', `${host} is in use and takes no ${link.kind}: ${error.message}`);
    case 'EINVAL':
      if (link.kind !== 'macvlan') break;
      return fail(
        'conflict',
        `${host} takes no macvlan of mode ${link.mode} and MTU ${attachment.mtuBytes}: ${error.message}`,
      );
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
      return fail('invalid_parameter', `a gateway of ${ifname} is outside its subnets: ${error.message}`);
  }
  return fail('internal', `cannot attach ${ifname} in ${where} to ${host}: ${error.message}`);
}
