// Runs in a host of ../overlay/many-endpoints.ts: one more host of the cluster, whose endpoints are put into the store as fast as that
// takes them, past the code that does so otherwise.
// usage: overlay-writer.ts URL NETWORK ENDPOINTS
import { rangeOf, toIpAddress } from '../../src/base/cidr.ts';
import { openEtcd } from '../../src/cluster/etcd/etcd-store.ts';
import { parseEtcdUrls } from '../../src/cluster/etcd/etcd-url.ts';
import { Layout } from '../../src/cluster/shared/layout.ts';
import { encodeEndpoint } from '../../src/cluster/shared/records.ts';
import { waitUntil } from '../../test/support/wait-until.ts';
import { Agent, endpointOf, hostNumber, subnetOf } from '../overlay/agent.ts';

const number = 1;
const perTransaction = 100;
const inFlight = 8;

const [url = '', name = '', count = ''] = process.argv.slice(2);
const agent = await Agent.start(url, number);
await waitUntil('the network is known', () => agent.hasNetwork(name));
const place = parseEtcdUrls([url]);
const store = await openEtcd({ ...place, onError: () => undefined });
const writes = prepareWrites();
console.log(`began ${process.hrtime.bigint()}`);
await Promise.all(Array.from({ length: inFlight }, writeOn));
console.log(`published ${process.hrtime.bigint()}`);
// Its leases are renewed for as long as this runs: the clock's timers do not keep a process.
setInterval(() => undefined, 60_000);

function prepareWrites() {
  const network = agent.network(name);
  const layout = new Layout(place.prefix);
  const { id: hostId } = hostNumber(number);
  const { last } = rangeOf(subnetOf(network));
  return Array.from({ length: Number(count) }, (_, position) => {
    // From the end, where no host that takes the lowest free block comes to.
    const endpoint = endpointOf(network, toIpAddress(last - 1n - BigInt(position), 4), [number, position]);
    return { put: layout.endpoint(network.id, endpoint.id), value: encodeEndpoint(hostId, endpoint) };
  });
}

async function writeOn(): Promise<void> {
  for (
    let some = writes.splice(0, perTransaction);
    some.length > 0;
    some = writes.splice(0, perTransaction)
  ) {
    await store.write([], some);
  }
}
