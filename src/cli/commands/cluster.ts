// net cluster status: this host's part in the cluster, and the others in it.

import type { ClusterMemberView, ClusterState, ClusterView } from '../../model/cluster-view.ts';
import { shortId } from '../../model/ids.ts';
import { formatOption, jsonText, wantsJson } from '../../model/output-format.ts';
import { formatFields, formatTable } from '../table.ts';
import { defineVerb } from '../verb.ts';

export const clusterStatus = defineVerb(
  {
    name: 'net cluster status',
    summary:
      'Show how this host shares networks with others, and which these are; exit status 0 in every state.',
    operands: [],
    options: formatOption,
  },
  async ({ options }, { client, write }) => {
    const json = wantsJson(options.format);
    const cluster = await client.cluster();
    await write(json ? jsonText(cluster) : clusterText(cluster));
  },
);

const meaning: Readonly<Record<ClusterState, string>> = {
  alone: 'nothing is shared with other hosts',
  joined: 'this host follows the others, and they follow it',
  away: 'the store cannot be reached; what runs goes on',
  fenced: 'tunnels are closed until this host is registered again',
  refused: 'the cluster cannot take this host',
};

function clusterText(cluster: ClusterView): string {
  const fields = formatFields(clusterFields(cluster));
  return cluster.members.length === 0 ? fields : `${fields}\n${memberTable(cluster.members)}`;
}

function clusterFields(cluster: ClusterView): readonly (readonly [string, string])[] {
  const { state, endpoints, prefix = '', graceSeconds, unpublished, unusable, lastError } = cluster;
  return [
    ['State', `${state}: ${meaning[state]}`],
    ['Host', hostText(cluster)],
    ['Store', endpoints.join(', ')],
    ['Prefix', prefix],
    ['Lease', leaseText(cluster.lease)],
    ['Grace', graceSeconds === undefined ? '' : formatSeconds(graceSeconds)],
    ['Revision', revisionText(cluster.revision)],
    [
      'Unpublished',
      unpublished === 0 ? '' : `${unpublished} ${unpublished === 1 ? 'endpoint' : 'endpoints'}`,
    ],
    ...unusable.map(({ network, reason }) => ['Unusable', `${network}: ${reason}`] as const),
    ['Last error', lastError === undefined ? '' : `${lastError.message} (${lastError.at})`],
  ];
}

function hostText({ hostId, hostName, address }: ClusterView): string {
  const id = hostId === undefined ? undefined : shortId(hostId);
  return [hostName, id, address].filter((word) => word !== undefined).join(', ');
}

function leaseText(lease: ClusterView['lease']): string {
  if (lease === undefined) return '';
  const { id, ttlSeconds, renewedSecondsAgo } = lease;
  return `${id}, ${formatSeconds(ttlSeconds)}, renewed ${formatSeconds(Math.floor(renewedSecondsAgo))} ago`;
}

function revisionText(revision: ClusterView['revision']): string {
  if (revision === undefined) return '';
  const { newest, behindSeconds } = revision;
  return behindSeconds === 0
    ? String(newest)
    : `${newest}, followed until ${formatSeconds(behindSeconds)} ago`;
}

function formatSeconds(count: number): string {
  return `${count} ${count === 1 ? 'second' : 'seconds'}`;
}

function memberTable(members: readonly ClusterMemberView[]): string {
  const rows = members.map(({ id, name, address, alive, self }) => [
    shortId(id),
    name,
    address,
    `${alive ? 'alive' : 'away'}${self ? ', this host' : ''}`,
  ]);
  return formatTable(['HOST ID', 'NAME', 'ADDRESS', 'STATE'], rows);
}
