// A cluster with one network over it, and what tests of failures ask of it again and again.
import type { ClusterState, ClusterView } from '../../src/model/cluster-view.ts';
import { ClusterBed } from './cluster-bed.ts';
import { expectEntriesAsRecorded, networkIdOf } from './cluster-bed-tables.ts';
import { ask, startServer } from './peers.ts';
import type { Netd } from './test-host.ts';
import { waitUntil } from './wait-until.ts';

/** Longer than what is waited for may take: a lease of five seconds, what etcd adds to it, and a busy machine. */
export const patience = { timeoutMs: 30_000, intervalMs: 100 };

/** The configuration of a container runtime for containers on `lab`. */
export const labConfiguration = {
  name: 'pods',
  conflist: { cniVersion: '1.0.0', name: 'pods', plugins: [{ type: 'fairlead-cni', network: 'lab' }] },
  executables: { 'fairlead-cni': new URL('../../bin/fairlead-cni', import.meta.url).pathname },
};

export interface ClusterLab {
  readonly bed: ClusterBed;
  readonly netds: Map<string, Netd>;
  /** Of the network. */
  readonly id: string;
}

/** Three hosts with a netd and the network `lab`; on every host named a server `web-HOST`. `flags` are those of every netd. */
export async function startLab(on: readonly string[], ...flags: readonly string[]): Promise<ClusterLab> {
  const bed = await ClusterBed.start({ flags });
  try {
    const netds = new Map(await bed.netds());
    await bed.host('h1').net('create', '-d', 'overlay', '--subnet', '10.50.0.0/24', 'lab');
    const id = await untilEverywhere(bed, 'lab');
    await Promise.all(on.map((name) => startServer(bed.host(name), `web-${name}`, '--network', 'lab')));
    await expectEntriesAsRecorded(bed, 'lab');
    return { bed, netds, id };
  } catch (error) {
    await bed[Symbol.asyncDispose]();
    throw error;
  }
}

/** Waits until every host has a network that was made on the first; returns its id. */
export async function untilEverywhere(bed: ClusterBed, network: string): Promise<string> {
  const [first = ''] = bed.names;
  const id = await networkIdOf(bed.host(first), network);
  const isThere = (name: string) => async () => (await networkIdOf(bed.host(name), network)) === id;
  await Promise.all(bed.names.map((name) => waitUntil(`${name} has ${network}`, isThere(name))));
  return id;
}

/** Who answers at a sandbox's name, asked in another. */
export async function askName(bed: ClusterBed, host: string, sandbox: string, name: string): Promise<string> {
  return (await ask({ host: bed.host(host), sandbox }, name)).server;
}

export function statusOf(bed: ClusterBed, name: string): Promise<ClusterView> {
  return bed.host(name).netJson<ClusterView>('cluster', 'status');
}

export function untilState(bed: ClusterBed, name: string, state: ClusterState): Promise<ClusterView> {
  const ask = async () => {
    const status = await statusOf(bed, name);
    return status.state === state && status;
  };
  return waitUntil(`${name} is ${state}`, ask, patience);
}
