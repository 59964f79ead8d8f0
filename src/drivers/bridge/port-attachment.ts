// How an endpoint becomes a port of its network's bridge. Pure.
import type { Attachment } from '../../model/attachment.ts';
import type { Endpoint } from '../../model/endpoint.ts';
import type { Network } from '../../model/network.ts';
import { endpointInterface } from '../endpoint-interface.ts';
import type { Options } from '../options.ts';
import { bridgeName } from './bridge-plan.ts';

export function portAttachment(network: Network, endpoint: Endpoint): Attachment {
  const { options } = network;
  return {
    link: {
      kind: 'veth',
      hostIfname: `fv${endpoint.id.slice(0, 10)}`,
      bridge: bridgeName(network),
      isolated: options['icc'] === 'false',
      hairpin: options['hairpin'] !== 'false',
      ...(isGuarded(options) && { guarded: true }),
    },
    ...endpointInterface(network, endpoint),
  };
}

/** Where the gateway is somebody's on the network, that one sends what comes from everywhere, with an address of its own choice. */
function isGuarded(options: Options): boolean {
  const setting = options['anti_spoofing'];
  return setting === undefined ? options['inhibit_ipv4'] !== 'true' : setting === 'true';
}
