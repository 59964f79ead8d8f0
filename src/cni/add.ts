// ADD: an interface in a container's namespace, with addresses, routes, ports, rate limits and names, all of it or nothing.
import { readFile, stat } from 'node:fs/promises';
import { NetError } from '../base/errors.ts';
import { parseResolvConf } from '../base/resolv-conf.ts';
import type { Attached, RuntimeController } from '../core/runtime-requests.ts';
import type { Network } from '../model/network.ts';
import type { AddressPlan } from './address-plan.ts';
import { amendChain } from './amend-chain.ts';
import { printResult } from './convert.ts';
import { CniError, cniCode } from './errors.ts';
import { joinNetwork } from './join-network.ts';
import { aliasesOf, sandboxName } from './names.ts';
import { type NetworkConfig, parseNetworkConfig } from './network-config.ts';
import { networkRequest } from './network-request.ts';
import { addressSource, planAddresses, resultIps, resultRoutes } from './plan-addresses.ts';
import { portsOf } from './ports.ts';
import type { CniRequest } from './protocol.ts';
import { type CniDns, type CniResult, isEmptyDns } from './result.ts';
import { checkAllowed } from './sysctl-allowlist.ts';
import { interfaceTuning } from './tuning.ts';

interface PreparedNetwork {
  readonly network: Network;
  /** What of it the container is to get. */
  readonly plan: AddressPlan;
}

/** What is to be printed. Nothing is left of one that fails. */
export async function add(core: RuntimeController, request: CniRequest): Promise<string> {
  const config = parseNetworkConfig(request);
  await checkAllowed(config.tuning.sysctls.flatMap((one) => [...one.keys()]));
  const result =
    config.prevResult === undefined
      ? await attach(core, request, config)
      : await amendChain(core, { request, config, previous: config.prevResult });
  return printResult(result, config.version);
}

async function attach(
  core: RuntimeController,
  request: CniRequest,
  config: NetworkConfig,
): Promise<CniResult> {
  await clearStale(core, request);
  return joinNetwork(
    core,
    () => prepareNetwork(core, request, config),
    (prepared) => join(core, { request, config, ...prepared }),
  );
}

async function join(
  core: RuntimeController,
  { request, config, network, plan }: PreparedNetwork & { request: CniRequest; config: NetworkConfig },
): Promise<CniResult> {
  const dns = await configuredDns(plan);
  const { ifname, containerId, netns } = request;
  const tuning = interfaceTuning(config.tuning, ifname, config.tuning.mtuBytes);
  const attached = await core.attach({
    network: network.id,
    target: `netns:${netns}`,
    sandboxName: sandboxName(request),
    ifname,
    aliases: aliasesOf(request, config),
    ...plan.endpoint,
    ...(config.mac !== undefined && { mac: config.mac }),
    ...portsOf(core, request, config),
    ...(tuning !== undefined && { tuning }),
    ...(config.shaping !== undefined && { shaping: config.shaping }),
    cni: { network: config.name, containerId, netns },
  });
  return resultOf(attached, plan, { network, netns, dns });
}

/** What an attachment of that name has left whose namespace is gone. Errors: 100 when it is in use. */
async function clearStale(
  core: RuntimeController,
  { network, containerId, ifname }: CniRequest,
): Promise<void> {
  const endpoint = core.findEndpoint({ network, containerId, ifname });
  if (endpoint === undefined) return;
  if (!(await core.isOrphaned(endpoint.id))) {
    throw new CniError(
      cniCode.conflict,
      `container ${containerId} is on network ${network} with interface ${ifname} already`,
    );
  }
  await core.removeEndpoint(endpoint.id);
}

/** The network named, or the one the configuration describes, and what of it the container is to get. */
async function prepareNetwork(
  core: RuntimeController,
  request: CniRequest,
  config: NetworkConfig,
): Promise<PreparedNetwork> {
  const delegated = request.ipam === undefined ? {} : { delegated: request.ipam };
  if (config.network !== undefined) {
    const network = core.network(config.network);
    return { network, plan: planAddresses(config, { ...delegated, pools: usablePools(network) }) };
  }
  const plan = planAddresses(config, delegated);
  const network = await core.ensureNetwork(networkRequest(config, plan));
  // Which subnets the daemon chose is known only now.
  if (addressSource(config) !== 'fairlead') return { network, plan };
  return { network, plan: planAddresses(config, { ...delegated, pools: usablePools(network) }) };
}

/** Nothing leaves an internal network: its gateways lead nowhere. */
function usablePools({ internal, ipam }: Network) {
  return internal ? ipam.pools.map(({ subnet }) => ({ subnet })) : ipam.pools;
}

/** What runtime or configuration say of name servers; empty when they leave them to us. */
async function configuredDns({ dns, resolvConf }: AddressPlan): Promise<CniDns> {
  if (!isEmptyDns(dns) || resolvConf === undefined) return dns;
  try {
    const file = await stat(resolvConf);
    // Not a device, which may have no end.
    if (!file.isFile()) throw new Error('it is no file');
    return parseResolvConf(await readFile(resolvConf, 'utf8'));
  } catch (cause) {
    throw new NetError('invalid_parameter', `ipam.resolvConf: ${resolvConf} cannot be read`, { cause });
  }
}

function resultOf(
  { endpoint, hostInterfaces, nameServers }: Attached,
  plan: AddressPlan,
  { network, netns, dns }: { readonly network: Network; readonly netns: string; readonly dns: CniDns },
): CniResult {
  const [bridge, end, ...others] = hostInterfaces.map(({ name, mac, mtuBytes }) => ({
    name,
    mac,
    mtu: mtuBytes,
  }));
  const before = [bridge, end].filter((one) => one !== undefined);
  const mtu = endpoint.tuning?.mtuBytes ?? Number(network.options['mtu'] ?? 0);
  const inner = {
    name: endpoint.ifname,
    ...(endpoint.mac !== undefined && { mac: endpoint.mac }),
    ...(mtu > 0 && { mtu }),
    sandbox: netns,
  };
  const ownNames = dns.nameservers === undefined && nameServers.length > 0;
  return {
    interfaces: [...before, inner, ...others],
    ips: resultIps(plan, endpoint.addresses, before.length),
    routes: resultRoutes(plan, endpoint.addresses),
    dns: ownNames ? { ...dns, nameservers: nameServers.slice(0, 1) } : dns,
  };
}
