// What the tuning of an attachment means to the kernel: pure.
import { NetError } from '../base/errors.ts';
import type { SysctlStep } from '../kernel/program.ts';
import type { Attachment } from '../model/attachment.ts';
import type { InterfaceSettings } from '../model/interface-settings.ts';

/** Errors: `invalid_parameter`. To be called before anything is made. */
export function checkTuning({ tuning, link, ifname }: Attachment): void {
  if (tuning === undefined) return;
  for (const [path, value] of Object.entries(tuning.sysctls ?? {})) checkSysctl(path, value);
  if (tuning.checkSourceMac === true && link.kind === 'macvlan') {
    throw refused(
      `source MAC addresses of interface ${ifname} can be checked only on a bridge, and it is a macvlan`,
    );
  }
}

/** The sysctls somebody asked for, in an order that does not depend on how they were given. */
export function tuningSysctls({ tuning }: Attachment): readonly SysctlStep[] {
  return Object.entries(tuning?.sysctls ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([sysctl, value]) => ({ sysctl, value, in: 'namespace' }));
}

/** The part of the tuning that is a setting of the link besides its MTU; undefined when there is none. */
export function tuningSettings({ tuning = {} }: Attachment): InterfaceSettings | undefined {
  const { promiscuous, allMulticast, txQueueLength } = tuning;
  if (promiscuous === undefined && allMulticast === undefined && txQueueLength === undefined)
    return undefined;
  return {
    ...(promiscuous !== undefined && { promiscuous }),
    ...(allMulticast !== undefined && { allMulticast }),
    ...(txQueueLength !== undefined && { txQueueLength }),
  };
}

/** Only those of the network stack belong to a namespace; the others are the host's. */
function checkSysctl(path: string, value: string): void {
  const parts = path.split('/');
  const below = parts[0] === 'net' && parts.length > 1;
  if (!below || parts.some((part) => part === '' || part === '.' || part === '..') || path.includes('\0')) {
    throw refused(
      `sysctl ${JSON.stringify(path)} is not a path below net/, such as net/ipv4/conf/eth0/arp_filter`,
    );
  }
  if (value.includes('\0')) throw refused(`sysctl ${path}: ${JSON.stringify(value)} holds a NUL`);
}

function refused(message: string): NetError {
  return new NetError('invalid_parameter', message);
}
