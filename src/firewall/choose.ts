// Which firewall backend a host gets.
import { NetError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Firewall } from './firewall.ts';
import { NftablesFirewall } from './nftables/nftables.ts';
import { requireNftables } from './nftables/refusal.ts';
import { NoFirewall } from './none.ts';

export type FirewallSetting = 'auto' | 'nftables' | 'iptables' | 'none';

/**
 * `auto` takes nftables and nothing less: a daemon that cannot keep networks apart must be told to do without.
 * Errors: `not_implemented` naming what the kernel lacks, `unavailable` without CAP_NET_ADMIN.
 */
export async function chooseFirewall(setting: FirewallSetting, log: Log): Promise<Firewall> {
  if (setting === 'none') return new NoFirewall();
  if (setting === 'iptables') {
    throw new NetError('not_implemented', 'firewall iptables: there is no such backend yet; use nftables');
  }
  await requireNftables();
  return new NftablesFirewall({
    warn: (error) => log.warn({ err: error }, error.message),
    inform: (text) => log.info(text),
  });
}
