// Which of the two programs a throw-away host has under the name of iptables.
import type { TestHost } from './test-host.ts';

export const iptablesPrograms = ['iptables', 'ip6tables'] as const;

/** @param variant `nft` or `legacy` */
export async function chooseIptables(host: TestHost, variant: string): Promise<void> {
  for (const program of iptablesPrograms) {
    for (const verb of ['', '-save', '-restore']) {
      const chosen = `/usr/sbin/${program}-${variant}${verb}`;
      await host.run(['ln', '-sf', chosen, `/etc/alternatives/${program}${verb}`]);
    }
  }
}
