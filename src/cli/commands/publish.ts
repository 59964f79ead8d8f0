// net publish and net unpublish: ports of a sandbox that is connected already.
import { defineVerb } from '../verb.ts';

export const publish = defineVerb(
  {
    name: 'net publish',
    summary: 'Publish further ports of a connected sandbox, written as for net run -p.',
    operands: ['TARGET', 'PORT…'],
    options: {
      network: {
        kind: 'value',
        value: 'NETWORK',
        help: 'publish on this network (default: the one that gives the default route)',
      },
    },
  },
  async ({ options, operands: [target, ports] }, { client }) => {
    const { network } = options;
    await client.publish({ target, ports, ...(network !== undefined && { network }) });
  },
);

export const unpublish = defineVerb(
  {
    name: 'net unpublish',
    summary: 'Take published ports back: HOSTPORT[-END][/PROTOCOL]; on a routed network the port itself.',
    operands: ['TARGET', 'HOSTPORT…'],
    options: {},
  },
  async ({ operands: [target, ports] }, { client }) => {
    await client.unpublish(target, ports);
  },
);
