// Docker's rules in the table `filter`, made by iptables as Docker makes them (dockerd 20.10 and, for IPv6, as from 27 on).
import { run, succeeds } from '../../support/own-network.ts';

export type Command = `${'iptables' | 'ip6tables'}-${'nft' | 'legacy'}`;

/** For bridges of Docker's by these names. */
export function makeDockerRules(command: Command, bridges: readonly string[]): void {
  const rule = (words: string) => void run(`${command} ${words}`);
  rule('-P FORWARD DROP');
  for (const chain of ['DOCKER', 'DOCKER-ISOLATION-STAGE-1', 'DOCKER-ISOLATION-STAGE-2', 'DOCKER-USER']) {
    rule(`-N ${chain}`);
    if (chain !== 'DOCKER') rule(`-A ${chain} -j RETURN`);
  }
  for (const bridge of bridges) {
    rule(`-I FORWARD -i ${bridge} -o ${bridge} -j ACCEPT`);
    rule(`-I FORWARD -i ${bridge} ! -o ${bridge} -j ACCEPT`);
    rule(`-I FORWARD -o ${bridge} -j DOCKER`);
    rule(`-I FORWARD -o ${bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`);
    rule(`-I DOCKER-ISOLATION-STAGE-1 -i ${bridge} ! -o ${bridge} -j DOCKER-ISOLATION-STAGE-2`);
    rule(`-I DOCKER-ISOLATION-STAGE-2 -o ${bridge} -j DROP`);
  }
  rule('-I FORWARD -j DOCKER-ISOLATION-STAGE-1');
  rule('-I FORWARD -j DOCKER-USER');
}

/** As if iptables had never been used. */
export function removeDockerRules(): void {
  for (const family of ['ip', 'ip6']) succeeds(`nft delete table ${family} filter`);
}

/** Of the table `filter`, everybody's; only the table itself stays. */
export function flushFilter(command: Command): void {
  for (const words of ['-P FORWARD ACCEPT', '-F', '-X']) run(`${command} ${words}`);
}

/** What iptables prints of a chain's rules, without the words they all begin with. */
export function rulesOf(command: Command, chain: string): readonly string[] {
  const lines = run(`${command} -S ${chain}`).trim().split('\n');
  return lines.filter((line) => line.startsWith('-A')).map((line) => line.slice(`-A ${chain} `.length));
}

export function hasChain(command: Command, chain: string): boolean {
  return run(`${command} -S`).includes(`-N ${chain}\n`);
}
