// net ls: networks.

import { shortId } from '../../model/ids.ts';
import { formatOption } from '../../model/output-format.ts';
import type { NetworkView } from '../../model/view.ts';
import { filterOption, printList, quietOption } from '../output.ts';
import { formatTable } from '../table.ts';
import { defineVerb } from '../verb.ts';

export const ls = defineVerb(
  {
    name: 'net ls',
    summary: 'List networks. Filters: driver, id, label, name, scope, type, dangling.',
    operands: [],
    options: { ...formatOption, ...quietOption, ...filterOption },
  },
  async ({ options }, context) => {
    await printList(context, await context.client.networks(options.filter), options, networkTable);
  },
);

function networkTable(networks: readonly NetworkView[]): string {
  const rows = networks.map((network) => [
    shortId(network.id),
    network.name,
    network.driver,
    network.ipam.pools.map(({ subnet }) => subnet).join(', '),
    String(network.endpoints.length),
  ]);
  return formatTable(['NETWORK ID', 'NAME', 'DRIVER', 'SUBNETS', 'SANDBOXES'], rows);
}
