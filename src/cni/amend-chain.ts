// ADD as a later element of a chain: ports, names, settings and rate limits on the interface an earlier element made.
import { addressOf, familyBits, familyOf, prefixOf, subnetOf } from '../base/cidr.ts';
import type {
  Attached,
  EndpointAdditions,
  EnsureNetworkRequest,
  FoundInterface,
  RuntimeController,
} from '../core/runtime-requests.ts';
import { joinNetwork } from './join-network.ts';
import { aliasesOf, sandboxName } from './names.ts';
import type { NetworkConfig } from './network-config.ts';
import { portsOf } from './ports.ts';
import type { CniRequest } from './protocol.ts';
import type { CniInterface, CniResult } from './result.ts';
import { interfaceTuning } from './tuning.ts';

interface ChainLink {
  readonly request: CniRequest;
  readonly config: NetworkConfig;
  readonly previous: CniResult;
}

/** The previous result, with what was changed of it. */
export async function amendChain(core: RuntimeController, link: ChainLink): Promise<CniResult> {
  const { request, previous } = link;
  const known = core.findEndpoint(request);
  const isStale = known !== undefined && (await core.isOrphaned(known.id));
  if (isStale) await core.removeEndpoint(known.id);
  const additions = additionsOf(core, link);
  const attached =
    known === undefined || isStale
      ? await takeOver(core, link, additions)
      : await core.amendEndpoint(known.id, additions);
  return amendedResult(previous, request, attached);
}

function additionsOf(core: RuntimeController, { request, config }: ChainLink): EndpointAdditions {
  const { mtuBytes = config.tuning.mtuBytes, mac, shaping } = config;
  const tuning = interfaceTuning(config.tuning, request.ifname, mtuBytes);
  return {
    ...portsOf(core, request, config),
    aliases: aliasesOf(request, config),
    ...(mac !== undefined && { mac }),
    ...(tuning !== undefined && { tuning }),
    ...(shaping !== undefined && { shaping }),
  };
}

/** The interface is somebody else's: it becomes an endpoint of a network that has no more than its name and its ports from us. */
async function takeOver(
  core: RuntimeController,
  { request, config, previous }: ChainLink,
  additions: EndpointAdditions,
): Promise<Attached> {
  const { ifname, containerId, netns } = request;
  const found = await core.lookAt(netns, ifname);
  return joinNetwork(
    core,
    async () => ({ network: await core.ensureNetwork(foreignNetwork(config, found, previous)) }),
    ({ network }) =>
      core.attach({
        network: network.id,
        target: `netns:${netns}`,
        sandboxName: sandboxName(request),
        ifname,
        ...additions,
        cni: { network: config.name, containerId, netns },
      }),
  );
}

function foreignNetwork(
  { name }: NetworkConfig,
  { addresses, host }: FoundInterface,
  { ips }: CniResult,
): EnsureNetworkRequest {
  // An address by itself is no subnet of a network: there would be one for each container.
  const subnets = new Set(
    addresses.map(subnetOf).filter((subnet) => prefixOf(subnet) < familyBits(familyOf(subnet))),
  );
  return {
    name,
    driver: 'foreign',
    ipamDriver: 'foreign',
    ...(host?.bridge !== undefined && { options: { bridge: host.bridge } }),
    pools: [...subnets].map((subnet) => {
      const own = ips.find(({ address }) => subnetOf(address) === subnet && addresses.includes(address));
      return {
        subnet,
        ...(own?.gateway === undefined || own.gateway === addressOf(own.address)
          ? { withoutGateway: true }
          : { gateway: own.gateway }),
        reserved: {},
      };
    }),
  };
}

function amendedResult(
  previous: CniResult,
  { ifname, netns }: CniRequest,
  { endpoint, hostInterfaces }: Attached,
): CniResult {
  const isOurs = ({ name, sandbox }: CniInterface) => name === ifname && sandbox === netns;
  const { mac, tuning } = endpoint;
  const interfaces = previous.interfaces.map((one) =>
    isOurs(one)
      ? {
          ...one,
          ...(mac !== undefined && one.mac !== undefined && { mac }),
          ...(tuning?.mtuBytes !== undefined && { mtu: tuning.mtuBytes }),
        }
      : one,
  );
  const made = hostInterfaces
    .filter(({ name }) => !interfaces.some((one) => one.name === name && one.sandbox === undefined))
    .map(({ name, mac: address, mtuBytes }) => ({ name, mac: address, mtu: mtuBytes }));
  return { ...previous, interfaces: [...interfaces, ...made] };
}
