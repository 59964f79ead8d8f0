// Whether the kernel has IPv6 at all: built without it or started with `ipv6.disable=1` it knows none of its settings.
import { existsSync } from 'node:fs';

export const kernelHasIpv6 = existsSync('/proc/sys/net/ipv6/conf/default/disable_ipv6');
