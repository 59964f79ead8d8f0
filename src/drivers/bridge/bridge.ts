// Networks on a bridge of the host: sandboxes reach each other through it and everything else through the host's address on it.
import type { IpAddress, IpFamily } from '../../base/cidr.ts';
import { NetError } from '../../base/errors.ts';
import { egressLink } from '../../kernel/host-subnets.ts';
import { kernelHasIpv6 } from '../../kernel/ipv6-stack.ts';
import { NetlinkError } from '../../kernel/netlink/error.ts';
import { runProgram, runReaper } from '../../kernel/program.ts';
import { findLink, readAddresses, request } from '../../kernel/rtnetlink/client.ts';
import { removeLink } from '../../kernel/rtnetlink/link.ts';
import { chooseLinkIndex } from '../../kernel/rtnetlink/link-index.ts';
import { readSysctl } from '../../kernel/sysctl.ts';
import type { Attachment } from '../../model/attachment.ts';
import type { Difference } from '../../model/difference.ts';
import type { Endpoint } from '../../model/endpoint.ts';
import { gatewayMode } from '../../model/gateway.ts';
import type { Network } from '../../model/network.ts';
import type { DirectAccess, NetworkPolicy, PortForward, SourceRule } from '../../model/policy.ts';
import type { Driver, NetworkDraft } from '../driver.ts';
import { endpointInterface } from '../endpoint-interface.ts';
import type { ForwardingNeed } from '../host-forwarding.ts';
import { normalizeOptions, type Options } from '../options.ts';
import { portForwards } from '../port-forwards.ts';
import {
  type BridgePlan,
  bridgeName,
  bridgePlan,
  compareBridge,
  createSteps,
  defaultBridgeName,
  isMadeFor,
  type ObservedBridge,
} from './bridge-plan.ts';
import { bridgeOptions } from './options.ts';

const mtuWithoutEgress = 1500;
/** RFC 8200, section 5. */
const minMtuIpv6 = 1280;

export class BridgeDriver implements Driver {
  readonly name = 'bridge';
  readonly scope = 'local';
  readonly hasInterfaces = true;
  readonly hasGateway = true;

  normalizeOptions(raw: Options): Options {
    return normalizeOptions(this.name, bridgeOptions, raw);
  }

  async resolve(draft: NetworkDraft, others: readonly Network[]): Promise<Options> {
    if (draft.ipv6 && !kernelHasIpv6) throw new NetError('not_implemented', 'this kernel has no IPv6');
    checkIsolated(draft);
    const bridge = draft.options['bridge'] ?? defaultBridgeName(draft.id);
    await checkName(bridge, draft, others);
    const mtu = draft.options['mtu'] ?? String((await egressLink())?.mtuBytes ?? mtuWithoutEgress);
    if (draft.ipv6 && Number(mtu) < minMtuIpv6) {
      throw new NetError('invalid_parameter', `option mtu: ${mtu} is less than the ${minMtuIpv6} IPv6 needs`);
    }
    return { ...draft.options, bridge, mtu };
  }

  async ensureNetwork(network: Network): Promise<void> {
    const plan = bridgePlan(network);
    const observed = await observe(plan);
    if (observed === undefined) return makeBridge(plan);
    checkKind(plan, observed);
    const steps = compareBridge(plan, observed).flatMap(({ mend }) => mend);
    if (steps.length > 0) await runProgram(steps);
  }

  /** A bridge that was there before the network stays, with the addresses it was given. */
  async removeNetwork(network: Network): Promise<void> {
    const plan = bridgePlan(network);
    const link = await findLink({ name: plan.name });
    if (link === undefined || !isMadeFor(plan, link)) return;
    try {
      await runReaper([request('host', removeLink({ index: link.index }))]);
    } catch (error) {
      if (!(error instanceof NetlinkError) || error.code !== 'ENODEV') throw error;
    }
  }

  hostLinks(network: Network): readonly string[] {
    return [bridgeName(network)];
  }

  async inspectNetwork(network: Network): Promise<readonly Difference[]> {
    const plan = bridgePlan(network);
    const object = `bridge ${plan.name}`;
    const observed = await observe(plan);
    if (observed === undefined) return [{ object, problem: 'is missing' }];
    if (observed.link.info.kind !== 'bridge') return [{ object, problem: 'is an interface of another kind' }];
    return compareBridge(plan, observed).map(({ problem }) => ({ object, problem }));
  }

  attachment(network: Network, endpoint: Endpoint): Attachment {
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

  policy(network: Network): NetworkPolicy {
    const { options, internal } = network;
    return {
      networkId: network.id,
      ifname: bridgeName(network),
      subnets: network.ipam.pools.map(({ subnet }) => subnet),
      internal,
      icc: options['icc'] !== 'false',
      source: { ipv4: sourceOf(network, 4), ipv6: sourceOf(network, 6) },
      direct: { ipv4: directAccess(network, 4), ipv6: directAccess(network, 6) },
      trustedInterfaces: options['trusted_host_interfaces']?.split(':') ?? [],
    };
  }

  needsForwarding(network: Network): ForwardingNeed {
    const { forwards, ipv6 } = bridgePlan(network);
    return { ipv4: forwards && network.ipv4, ipv6: forwards && ipv6 };
  }

  forwards(_network: Network, endpoint: Endpoint): readonly Omit<PortForward, 'keepSource'>[] {
    return portForwards(endpoint);
  }
}

/** Errors: `invalid_parameter`. */
function checkIsolated(draft: NetworkDraft): void {
  if (draft.internal) return;
  const isolated = ([4, 6] as const).find((family) => gatewayMode(draft, family) === 'isolated');
  if (isolated === undefined) return;
  throw new NetError(
    'invalid_parameter',
    `option gateway_mode_ipv${isolated}: gateway mode isolated can only be used for an internal network`,
  );
}

/** Errors: `conflict`. */
async function checkName(name: string, draft: NetworkDraft, others: readonly Network[]): Promise<void> {
  const rival = others.find(({ options }) => options['bridge'] === name);
  if (rival !== undefined) throw new NetError('conflict', `bridge ${name} belongs to network ${rival.name}`);
  const link = await findLink({ name });
  if (link === undefined) return;
  if (link.info.kind !== 'bridge') {
    throw new NetError('conflict', `interface ${name} exists on the host and is no bridge`);
  }
  if (draft.options['bridge'] === undefined) {
    throw new NetError('conflict', `bridge ${name} exists on the host already`);
  }
}

function checkKind(plan: BridgePlan, { link }: ObservedBridge): void {
  if (link.info.kind === 'bridge') return;
  throw new NetError('conflict', `interface ${plan.name} exists on the host and is no bridge`);
}

async function makeBridge(plan: BridgePlan): Promise<void> {
  try {
    await runProgram(createSteps(plan, chooseLinkIndex()));
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    const cause = { cause: error };
    if (error.step === 0 && error.code === 'ENOTSUP') {
      throw new NetError('not_implemented', 'this kernel has no bridges (CONFIG_BRIDGE)', cause);
    }
    if (error.step === 0 && error.code === 'EEXIST') {
      throw new NetError('conflict', `interface ${plan.name} exists on the host already`, cause);
    }
    throw new NetError('internal', `cannot make bridge ${plan.name}: ${error.message}`, cause);
  }
}

async function observe(plan: BridgePlan): Promise<ObservedBridge | undefined> {
  const link = await findLink({ name: plan.name });
  if (link === undefined) return undefined;
  const steps = [...plan.guards, ...plan.needs];
  const [addresses, hostSwitch, ...values] = await Promise.all([
    readAddresses(link.index),
    readSysctl('net/ipv4/ip_forward'),
    ...steps.map(({ sysctl }) => readSysctl(sysctl)),
  ]);
  const sysctls = new Map(steps.map(({ sysctl }, index) => [sysctl, values[index] ?? '']));
  return {
    link,
    addresses: addresses.map(({ address }) => address),
    sysctls,
    hostForwards: hostSwitch === '1',
  };
}

/** Where the gateway is somebody's on the network, that one sends what comes from everywhere, with an address of its own choice. */
function isGuarded(options: Options): boolean {
  const setting = options['anti_spoofing'];
  return setting === undefined ? options['inhibit_ipv4'] !== 'true' : setting === 'true';
}

function directAccess(network: Network, family: IpFamily): DirectAccess {
  const mode = gatewayMode(network, family);
  if (mode === 'routed') return 'ports';
  return mode === 'nat-unprotected' ? 'all' : 'none';
}

function sourceOf(network: Network, family: IpFamily): SourceRule {
  const { internal, options } = network;
  const isRouted = gatewayMode(network, family) === 'routed';
  if (internal || isRouted || options['masquerade'] === 'false') return 'keep';
  const address = options[`host_ipv${family}`];
  return address === undefined ? 'masquerade' : { address: address as IpAddress };
}
