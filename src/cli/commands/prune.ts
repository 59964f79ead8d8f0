// net prune: networks nobody is on.
import { defineVerb } from '../verb.ts';

export const prune = defineVerb(
  {
    name: 'net prune',
    summary: 'Delete every network nobody is on and print their names.',
    operands: [],
    options: {
      force: { kind: 'flag', short: 'f', help: 'do not ask' },
      filter: { kind: 'list', value: 'K=V', help: 'only those that match, as for net ls' },
    },
  },
  async ({ options }, { client, confirm, write }) => {
    const question = 'This deletes every network nobody is on. Go on?';
    if (!options.force && confirm !== undefined && !(await confirm(question))) return;
    const networks = await client.pruneNetworks(options.filter);
    await write(networks.map(({ name }) => `${name}\n`).join(''));
  },
);
