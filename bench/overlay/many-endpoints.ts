// A host on a network with many endpoints of another: how fast it takes them in, and how soon it is back after a start, with what it
// had in the kernel and without.
import { askApi } from '../../test/support/api-client.ts';
import type { ClusterBed } from '../../test/support/cluster-bed.ts';
import type { Netd, TestHost } from '../../test/support/test-host.ts';
import { waitUntil } from '../../test/support/wait-until.ts';
import { printFigure, timeMs } from '../support/figures.ts';
import { cpuSeconds, residentMiB } from '../support/process-figures.ts';
import { startLab } from './fairlead-overlay.ts';

const patience = { timeoutMs: 120_000, intervalMs: 50 };

export async function measureManyEndpoints(endpoints: number): Promise<void> {
  await using lab = await startLab({ hosts: 1, subnet: '10.128.0.0/16' });
  const { bed } = lab;
  const host = bed.host('h1');
  const { id } = (await askApi(host, 'GET', '/networks/lab')).body;
  const [vxlan, bridge] = [`vx-${id.slice(0, 10)}`, `fl-${id.slice(0, 10)}`];
  const kernelHasAll = async () => (await countEntries(host, vxlan, bridge)) >= endpoints;

  let netd = lab.netds.get('h1') as Netd;
  printFigure('resident memory, no endpoints of others', residentMiB(netd.pid), 'MiB');
  await takeIn(bed, netd, endpoints, kernelHasAll);
  await netd.kill9();
  netd = await restart(bed, 'restart, entries still there', () => tellsAll(host, endpoints));
  await netd.kill9();
  await host.shell(`ip link delete ${vxlan}; ip link delete ${bridge}`);
  await restart(bed, 'restart, bridge and VXLAN device gone', kernelHasAll);
  const { body } = await askApi(host, 'GET', '/check');
  printFigure('differences found by check', body.differences.length, '');
}

/** Another host of the cluster has them all at once. */
async function takeIn(
  bed: ClusterBed,
  netd: Netd,
  endpoints: number,
  hasAll: () => Promise<boolean>,
): Promise<void> {
  const script = new URL('../inside/overlay-writer.ts', import.meta.url).pathname;
  const words = [bed.theEtcd.url, 'lab', endpoints].map(String);
  const before = cpuSeconds(netd.pid);
  // By its full name, as programs of a host start in its root folder.
  const node = [process.execPath, '--import', import.meta.resolve('tsx')];
  const writer = bed.host('outside').spawn([...node, script, ...words]);
  const began = momentOf(await writer.line(/^began /, patience.timeoutMs));
  await waitUntil('the kernel has all', hasAll, patience);
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  const busy = cpuSeconds(netd.pid) - before;
  const published = Number(momentOf(await writer.line(/^published /)) - began) / 1e9;
  console.log(`${endpoints} endpoints of another host:`);
  printFigure('  in the store after', published, 's');
  printFigure('  in the kernel here after', seconds, 's');
  printFigure('  taken in', endpoints / seconds, '/s');
  printFigure('  processor time of netd for each', (1e6 * busy) / endpoints, 'us');
  printFigure('  resident memory then', residentMiB(netd.pid), 'MiB');
}

async function restart(bed: ClusterBed, what: string, hasAll: () => Promise<boolean>): Promise<Netd> {
  const began = performance.now();
  const netd = await bed.netd('h1');
  const readyMs = performance.now() - began;
  const moreMs = await timeMs(() => waitUntil('all is known', hasAll, patience));
  console.log(`${what}:`);
  printFigure('  start to ready', readyMs, 'ms');
  printFigure('  start to all known', readyMs + moreMs, 'ms');
  printFigure('  processor time of netd', cpuSeconds(netd.pid), 's');
  printFigure('  resident memory then', residentMiB(netd.pid), 'MiB');
  return netd;
}

/** Endpoints of others that both tables of the kernel have. */
async function countEntries(host: TestHost, vxlan: string, bridge: string): Promise<number> {
  const count = async (command: string) => Number(await host.shell(`${command} | wc -l`));
  const forwarding = await count(`bridge fdb show dev ${vxlan} | grep " dst "`);
  return Math.min(forwarding, await count(`ip -4 neigh show dev ${bridge} nud permanent`));
}

async function tellsAll(host: TestHost, endpoints: number): Promise<boolean> {
  const { body } = await askApi(host, 'GET', '/networks/lab');
  return body.peers?.length >= endpoints;
}

/** Of the monotonic clock, as a process printed it. */
function momentOf(line: string): bigint {
  return BigInt(line.split(' ')[1] ?? '');
}
