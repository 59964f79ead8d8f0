// Letting packets pass between the interfaces of the host, without which no sandbox reaches anything but the host.
//
// Forwarding can be switched on for a bridge alone (net.ipv4.conf.BRIDGE.forwarding), and that lets packets out; but the
// kernel asks the interface a packet comes in by (IN_DEV_FORWARD in ip_route_input_slow, net/ipv4/route.c), so the answers,
// and connections to published ports, need it on whatever interface they come in by: that is every one, those that
// come later included. So the host's own switch is needed, as it is for every peer. IPv6 knows no other: ip6_forward in
// net/ipv6/ip6_output.c looks at net.ipv6.conf.all.forwarding (and since 6.17 at force_forwarding of the interface come in by).
import { readdir } from 'node:fs/promises';
import { readSysctl, writeSysctl } from '../../kernel/sysctl.ts';

const ipv4Switch = 'net/ipv4/ip_forward';
const ipv6Switch = 'net/ipv6/conf/all/forwarding';

export interface Families {
  readonly ipv6: boolean;
}

export async function isForwarding({ ipv6 }: Families): Promise<boolean> {
  if ((await readSysctl(ipv4Switch)) !== '1') return false;
  return !ipv6 || (await readSysctl(ipv6Switch)) === '1';
}

/** Written only where it is off: writing it again would undo what was set for single interfaces. May be repeated. */
export async function allowForwarding({ ipv6 }: Families): Promise<void> {
  if ((await readSysctl(ipv4Switch)) !== '1') await writeSysctl(ipv4Switch, '1');
  if (!ipv6 || (await readSysctl(ipv6Switch)) === '1') return;
  await keepRouterAdvertisements();
  await writeSysctl(ipv6Switch, '1');
}

/**
 * A host that forwards IPv6 is a router and forgets the default routes it learned from others, unless accept_ra is 2
 * (Documentation/networking/ip-sysctl.rst).
 */
async function keepRouterAdvertisements(): Promise<void> {
  for (const name of await readdir('/proc/sys/net/ipv6/conf')) {
    const sysctl = `net/ipv6/conf/${name}/accept_ra`;
    if (name !== 'all' && (await readSysctl(sysctl)) === '1') await writeSysctl(sysctl, '2');
  }
}
