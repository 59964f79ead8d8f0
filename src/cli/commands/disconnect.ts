// net disconnect: a sandbox from a network.
import { defineVerb } from '../verb.ts';

export const disconnect = defineVerb(
  {
    name: 'net disconnect',
    summary: 'Disconnect a sandbox from a network.',
    operands: ['NETWORK', 'TARGET'],
    options: { force: { kind: 'flag', short: 'f', help: 'being disconnected already is fine' } },
  },
  async ({ options, operands: [network, target] }, { client }) => {
    await client.disconnect(network, { target, force: options.force ?? false });
  },
);
