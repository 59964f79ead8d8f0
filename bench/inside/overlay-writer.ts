// Runs in a host of ../overlay/many-endpoints.ts: one more host of the cluster, that has many endpoints at once and stays.
// usage: overlay-writer.ts URL NUMBER NETWORK COUNT
import { waitUntil } from '../../test/support/wait-until.ts';
import { Agent } from '../overlay/agent.ts';

const [url = '', number = '', network = '', count = ''] = process.argv.slice(2);
const agent = await Agent.start(url, Number(number));
await waitUntil('the network is known', () => agent.hasNetwork(network));
console.log(`began ${process.hrtime.bigint()}`);
await agent.publish(network, Number(count));
await waitUntil('the store has all', () => agent.unpublished === 0, { timeoutMs: 60_000, intervalMs: 100 });
console.log(`published ${process.hrtime.bigint()}`);
// Its leases are renewed for as long as it runs: the clock's timers do not keep a process.
setInterval(() => undefined, 60_000);
