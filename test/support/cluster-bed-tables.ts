// What the kernels of a cluster's hosts know of endpoints elsewhere, beside the records in the store.
import { expect } from 'vitest';
import { askApi } from './api-client.ts';
import type { ClusterBed } from './cluster-bed.ts';
import type { TestHost } from './test-host.ts';
import { waitUntil } from './wait-until.ts';

/** An endpoint's record, as far as tests read it. */
export interface RecordedEndpoint {
  readonly id: string;
  /** The host's id. */
  readonly host: string;
  readonly mac: string;
  readonly names: readonly string[];
  /** With their prefix lengths. */
  readonly addresses: readonly string[];
}

/** One line an entry, sorted. */
export interface Entries {
  /** `MAC to HOST ADDRESS`, of the tunnel. */
  readonly tunnel: readonly string[];
  /** `MAC`, which the bridge sends into the tunnel. */
  readonly bridge: readonly string[];
  /** `ADDRESS is MAC`. */
  readonly neighbours: readonly string[];
}

const noEntries: Entries = { tunnel: [], bridge: [], neighbours: [] };

/** The bridge and the tunnel of a network, as they are called on every host. */
export function linksOf(networkId: string): { readonly bridge: string; readonly tunnel: string } {
  return { bridge: `fl-${networkId.slice(0, 10)}`, tunnel: `vx-${networkId.slice(0, 10)}` };
}

export async function networkIdOf(host: TestHost, name: string): Promise<string> {
  const { status, body } = await askApi(host, 'GET', `/networks/${name}`);
  if (status !== 200) throw new Error(`network ${name} on ${host.name}: ${status} ${body.message}`);
  return body.id;
}

export async function recordsOf(bed: ClusterBed, networkId: string): Promise<readonly RecordedEndpoint[]> {
  const prefix = `/fairlead/v1/net/${networkId}/endpoint/`;
  const { kvs = [] } = JSON.parse(await bed.etcdctl('get', '--prefix', '-w', 'json', prefix)) as {
    kvs?: readonly { readonly key: string; readonly value: string }[];
  };
  return kvs.map(({ key, value }) => ({ ...decode(value), id: text(key).slice(prefix.length) }));
}

/**
 * Waits until every host has exactly the entries of the others' endpoints, one without endpoints none and no links, and every
 * endpoint of every host is in the store, and nothing else.
 */
export async function expectEntriesAsRecorded(
  bed: ClusterBed,
  network: string,
  names: readonly string[] = bed.names,
): Promise<void> {
  const [first = ''] = names;
  const networkId = await networkIdOf(bed.host(first), network);
  const differing = async () => {
    const records = await recordsOf(bed, networkId);
    for (const name of names) await expectAsRecorded(bed, name, networkId, records);
    return true;
  };
  await waitUntil(`the hosts' entries of ${network} are those of the records`, differing, {
    intervalMs: 200,
  });
}

export async function entriesOn(host: TestHost, networkId: string): Promise<Entries> {
  const { bridge, tunnel } = linksOf(networkId);
  const links = await host.run(['ip', '-brief', 'link', 'show']);
  if (!links.includes(tunnel)) return noEntries;
  const forwarding = JSON.parse(await host.run(['bridge', '-json', 'fdb', 'show', 'dev', tunnel])) as {
    mac: string;
    dst?: string;
    master?: string;
    state?: string;
  }[];
  const neighbours = JSON.parse(
    await host.run(['ip', '-json', 'neighbour', 'show', 'dev', bridge, 'nud', 'permanent']),
  ) as { dst: string; lladdr: string }[];
  return {
    tunnel: forwarding.flatMap(({ mac, dst }) => (dst === undefined ? [] : [`${mac} to ${dst}`])).sort(),
    bridge: forwarding
      .filter(({ master, state }) => master !== undefined && state !== 'permanent')
      .map(({ mac }) => mac)
      .sort(),
    neighbours: neighbours.map(({ dst, lladdr }) => `${dst} is ${lladdr}`).sort(),
  };
}

async function expectAsRecorded(
  bed: ClusterBed,
  name: string,
  networkId: string,
  records: readonly RecordedEndpoint[],
): Promise<void> {
  const host = bed.host(name);
  const { hostId, members } = (await askApi(host, 'GET', '/cluster')).body;
  const addressOfHost = new Map<string, string>(
    members.map(({ id, address }: { id: string; address: string }) => [id, address]),
  );
  const { body: sandboxes } = await askApi(host, 'GET', '/sandboxes');
  const own = sandboxes
    .flatMap(({ endpoints }: { endpoints: readonly { id: string; networkId: string }[] }) => endpoints)
    .filter((endpoint: { networkId: string }) => endpoint.networkId === networkId)
    .map(({ id }: { id: string }) => id);
  expect(
    records
      .filter((record) => record.host === hostId)
      .map(({ id }) => id)
      .sort(),
    `endpoints of ${name}`,
  ).toEqual(own.sort());
  const others = own.length === 0 ? [] : records.filter((record) => record.host !== hostId);
  expect(await entriesOn(host, networkId), name).toEqual({
    tunnel: others.map((record) => `${record.mac} to ${addressOfHost.get(record.host)}`).sort(),
    bridge: others.map(({ mac }) => mac).sort(),
    neighbours: others
      .flatMap(({ mac, addresses }) => addresses.map((address) => `${address.split('/')[0]} is ${mac}`))
      .sort(),
  });
}

function decode(value: string): RecordedEndpoint {
  return JSON.parse(text(value));
}

function text(base64: string): string {
  return Buffer.from(base64, 'base64').toString();
}
