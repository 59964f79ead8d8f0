// What a refused attach means to whoever asked for it.
import { type ErrorCode, NetError } from '../base/errors.ts';
import { NetlinkError } from '../kernel/netlink/error.ts';
import type { Attachment } from '../model/attachment.ts';
import type { PlannedStep } from './planned-step.ts';

/** The kernel's limit: BR_MAX_PORTS in net/bridge/br_private.h is 1 << 10, and number 0 is the bridge itself. */
const maxBridgePorts = 1023;

/**
 * @param planned the step that was refused, if it was one of an attach.
 * @param where the interface was to be, for the message: `on the host`.
 */
export function attachError(
  error: unknown,
  attachment: Attachment,
  planned: PlannedStep | undefined,
  where: string,
): unknown {
  if (!(error instanceof NetlinkError)) return error;
  const [code, message] = tuningRefused(error, planned) ??
    limitRefused(error, attachment, planned) ??
    linkRefused(error, attachment, where) ?? [
      'internal',
      `cannot attach ${attachment.ifname} ${where}${hostOf(attachment)}: ${error.message}`,
    ];
  return new NetError(code, message, { cause: error });
}

type Meaning = readonly [ErrorCode, string] | undefined;

function tuningRefused(error: NetlinkError, planned: PlannedStep | undefined): Meaning {
  if (planned?.purpose !== 'tune') return undefined;
  if (!('sysctl' in planned.step))
    return ['invalid_parameter', `the kernel refuses the settings: ${error.message}`];
  const { sysctl, value } = planned.step;
  const what = `sysctl ${sysctl}`;
  if (error.code === 'ENOENT')
    return ['invalid_parameter', `${what} (to be ${value}) does not exist in the sandbox`];
  return ['invalid_parameter', `${what} cannot be ${JSON.stringify(value)}: ${error.message}`];
}

function limitRefused(
  error: NetlinkError,
  { shaping }: Attachment,
  planned: PlannedStep | undefined,
): Meaning {
  const making = planned?.purpose === 'make ifb';
  if (!making && planned?.purpose !== 'limit') return undefined;
  if (making && error.code === 'EEXIST') return ['conflict', `interface ${shaping?.ifbName} exists already`];
  // Unknown kinds of links are EOPNOTSUPP, of qdiscs, filters and actions ENOENT.
  if (!['ENOENT', 'EOPNOTSUPP', 'ENOTSUP'].includes(error.code)) return undefined;
  return [
    'not_implemented',
    `this kernel cannot limit rates (tbf, ifb, ingress, u32, mirred): ${error.message}`,
  ];
}

function linkRefused(error: NetlinkError, attachment: Attachment, where: string): Meaning {
  const { link, ifname } = attachment;
  if (link.kind === 'foreign') return undefined;
  const host = link.kind === 'veth' ? `bridge ${link.bridge}` : `parent ${link.parent}`;
  switch (error.code) {
    case 'EEXIST':
      return ['conflict', `interface ${ifname} exists already ${where}`];
    case 'EXFULL':
      return ['exhausted', `${host} is full: the kernel allows ${maxBridgePorts} ports on a bridge`];
    case 'ENODEV':
      return ['not_found', `${host} does not exist`];
    case 'ENOTSUP':
    case 'EOPNOTSUPP':
      return ['not_implemented', `${host}: this kernel has no ${link.kind} links: ${error.message}`];
    case 'EBUSY':
      return ['conflict', `${host} is in use and takes no ${link.kind}: ${error.message}`];
    case 'EINVAL':
      if (link.kind !== 'macvlan') return undefined;
      return [
        'conflict',
        `${host} takes no macvlan of mode ${link.mode} and MTU ${attachment.mtuBytes}: ${error.message}`,
      ];
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
      return ['invalid_parameter', `a gateway of ${ifname} is outside its subnets: ${error.message}`];
  }
  return undefined;
}

function hostOf({ link }: Attachment): string {
  if (link.kind === 'foreign') return '';
  return link.kind === 'veth' ? ` to bridge ${link.bridge}` : ` to parent ${link.parent}`;
}
