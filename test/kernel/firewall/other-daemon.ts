// Another daemon: applies the state it is given and stays until it is killed.
import { NftablesFirewall } from '../../../src/firewall/nftables/nftables.ts';

await new NftablesFirewall().replace(JSON.parse(process.argv[2] ?? ''));
process.stdout.write('ready\n');
setInterval(() => {}, 60_000);
