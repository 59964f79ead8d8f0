// net inspect: networks in full.
import type { Pool } from '../../model/network.ts';
import { formatOption } from '../../model/output-format.ts';
import type { EndpointView, InspectedNetwork, PeerView } from '../../model/view.ts';
import { printEach } from '../output.ts';
import { formatFields, formatPairs } from '../table.ts';
import { defineVerb } from '../verb.ts';

export const inspect = defineVerb(
  {
    name: 'net inspect',
    summary: 'Show networks in full.',
    operands: ['NETWORK…'],
    options: formatOption,
  },
  async ({ options, operands: [refs] }, context) => {
    const find = (ref: string) => context.client.network(ref);
    return printEach(context, refs, { format: options.format, find }, networkText);
  },
);

function networkText(network: InspectedNetwork): string {
  return formatFields([
    ['Name', network.name],
    ['Id', network.id],
    ['Driver', network.driver],
    ['Created', network.createdAt],
    ['Internal', network.internal ? 'yes' : 'no'],
    ...network.ipam.pools.map((pool) => ['Subnet', poolText(pool)] as const),
    ['Options', formatPairs(network.options)],
    ['Labels', formatPairs(network.labels)],
    ...network.endpoints.map((endpoint) => ['Sandbox', holderText(endpoint)] as const),
    ...(network.peers ?? []).map((peer) => ['Peer', peerText(peer)] as const),
    ['Peers', network.peersError === undefined ? '' : `not known: ${network.peersError}`],
  ]);
}

function poolText({ subnet, range, gateway, reserved }: Pool): string {
  const parts = [
    subnet,
    ...(gateway === undefined ? [] : [`gateway ${gateway}`]),
    ...(range === undefined ? [] : [`range ${range}`]),
    ...Object.entries(reserved).map(([name, address]) => `${name} ${address}`),
  ];
  return parts.join(', ');
}

function holderText({ sandboxName, ifname, addresses }: EndpointView): string {
  return [sandboxName, ifname, ...addresses].filter((word) => word !== '').join(' ');
}

export function peerText({ name, addresses, hostName }: PeerView): string {
  return [name, ...addresses, 'on', hostName].join(' ');
}
