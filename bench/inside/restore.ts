// Runs in a network namespace of its own, see ../ports.ts: how long it takes to bring all rules back after a foreign flush.
import { execFileSync } from 'node:child_process';
import type { Cidr, IpAddress } from '../../src/base/cidr.ts';
import type { Firewall, PolicyState } from '../../src/firewall/firewall.ts';
import { IptablesFirewall } from '../../src/firewall/iptables/iptables.ts';
import { NftablesFirewall } from '../../src/firewall/nftables/nftables.ts';
import type { EndpointId, NetworkId } from '../../src/model/ids.ts';
import { printMark, printSummary, timeMs } from '../support/figures.ts';

const rounds = 7;
const markMs = 100;
// A table netd owns is not reached by a foreign flush at all: measured is one that it does not.
const backends: readonly { readonly create: () => Firewall; readonly flush: readonly string[] }[] = [
  { create: () => new NftablesFirewall({ owned: false }), flush: ['nft', 'flush', 'ruleset'] },
  { create: () => new IptablesFirewall({ variant: 'nft' }), flush: ['nft', 'flush', 'ruleset'] },
];

execFileSync('ip', ['link', 'set', 'lo', 'up']);
const populations = process.argv.slice(2).map(Number);
for (const { create, flush } of backends) {
  for (const population of populations) {
    const firewall = create();
    const state = stateWith(population);
    const [program = '', ...words] = flush;
    const times: number[] = [];
    await firewall.replace(state);
    for (let round = 0; round < rounds; round++) {
      execFileSync(program, words);
      times.push(await timeMs(() => firewall.replace(state)));
    }
    const what = `fairlead, ${firewall.name}: restoring ${population} after a flush`;
    const { median } = printSummary(what, times, 'ms');
    if (population === Math.max(...populations)) printMark(what, median, markMs, 'ms');
    await firewall.close();
    execFileSync(program, words);
  }
}

/** Ports that make no range, all of one endpoint. */
function stateWith(ports: number): PolicyState {
  const networkId = 'lab' as NetworkId;
  const address = '10.99.0.2' as IpAddress;
  const network = {
    networkId,
    ifname: 'lab0',
    subnets: ['10.99.0.0/24' as Cidr],
    internal: false,
    icc: true,
    source: { ipv4: 'masquerade', ipv6: 'keep' },
    direct: { ipv4: 'none', ipv6: 'none' },
    trustedInterfaces: [],
  } as const;
  const forwards = Array.from({ length: ports }, (_, i) => ({
    protocol: 'tcp' as const,
    hostAddress: '0.0.0.0' as IpAddress,
    hostPort: 20_000 + 2 * i,
    address,
    port: 80,
    keepSource: true,
  }));
  return { networks: [network], endpoints: [{ endpointId: 'web' as EndpointId, networkId, forwards }] };
}
