// Networks over several hosts: on each a bridge as of a bridge network, and as a port of it a VXLAN to the others.
import { NetError } from '../../base/errors.ts';
import { kernelHasIpv6 } from '../../kernel/ipv6-stack.ts';
import type { Attachment } from '../../model/attachment.ts';
import type { Difference } from '../../model/difference.ts';
import type { Endpoint } from '../../model/endpoint.ts';
import type { Network } from '../../model/network.ts';
import type { NetworkPolicy, PortForward } from '../../model/policy.ts';
import { type BridgePlan, bridgePlan } from '../bridge/bridge-plan.ts';
import { checkFamilies, checkMtu, forwardingNeed, gatewayPolicy } from '../bridge/gateway-policy.ts';
import { portAttachment } from '../bridge/port-attachment.ts';
import type { Driver, NetworkDraft } from '../driver.ts';
import type { ForwardingNeed } from '../host-forwarding.ts';
import { normalizeOptions, type Options } from '../options.ts';
import { portForwards } from '../port-forwards.ts';
import { overlayOptions } from './options.ts';
import { bringAbout, inspect, type OverlayPlan, remove } from './overlay-upkeep.ts';
import { OverlayTunnels, type OverlayTunnelsOptions } from './tunnels.ts';
import { chooseMtu, roomOver, type Underlay, underlayLink } from './underlay.ts';
import { vxlanName, vxlanPlan } from './vxlan-plan.ts';

export class OverlayDriver implements Driver {
  readonly name = 'overlay';
  readonly scope = 'global';
  readonly hasInterfaces = true;
  readonly hasGateway = true;
  readonly onDemand = true;
  readonly tunnels: OverlayTunnels;
  readonly #underlay: () => Underlay | undefined;

  /** Where the host's tunnels end is asked for each time; undefined as long as there are no other hosts. */
  constructor(options: OverlayTunnelsOptions) {
    this.#underlay = options.underlay;
    this.tunnels = new OverlayTunnels(options);
  }

  normalizeOptions(raw: Options): Options {
    return normalizeOptions(this.name, overlayOptions, raw);
  }

  async resolve(draft: NetworkDraft): Promise<Options> {
    if (draft.options['encrypted'] === 'true') {
      throw new NetError('not_implemented', 'option encrypted: overlay networks are not encrypted');
    }
    checkFamilies(draft);
    const mtu = await chooseMtu(draft.options['mtu'], this.#underlay());
    checkMtu(draft, mtu);
    return { ...draft.options, mtu };
  }

  ensureNetwork(network: Network): Promise<void> {
    return this.tunnels.alone(network, async () => {
      checkFamilies(network);
      const changed = await bringAbout(this.#plan(network));
      await this.tunnels.keepOffload(network);
      if (changed) await this.tunnels.restore(network);
    });
  }

  removeNetwork(network: Network): Promise<void> {
    return this.tunnels.alone(network, async () => {
      this.tunnels.forget(network);
      await remove(this.#plan(network));
    });
  }

  hostLinks(network: Network): readonly string[] {
    return [bridgePlan(network).name, vxlanName(network)];
  }

  async inspectNetwork(network: Network): Promise<readonly Difference[]> {
    const [links, underlay, offloads] = await Promise.all([
      inspect(this.#plan(network)),
      inspectUnderlay(network, this.#underlay()),
      this.tunnels.offloadsWrongly(network),
    ]);
    const object = `vxlan ${vxlanName(network)}`;
    const offload = { object, problem: 'leaves checksums to hardware that gets them wrong' };
    return [...links, ...underlay, ...(offloads ? [offload] : [])];
  }

  attachment(network: Network, endpoint: Endpoint): Attachment {
    return portAttachment(network, endpoint);
  }

  policy(network: Network): NetworkPolicy {
    return gatewayPolicy(network);
  }

  needsForwarding(network: Network): ForwardingNeed {
    return forwardingNeed(network);
  }

  forwards(_network: Network, endpoint: Endpoint): readonly Omit<PortForward, 'keepSource'>[] {
    return portForwards(endpoint);
  }

  #plan(network: Network): OverlayPlan {
    const underlay = this.#underlay();
    return {
      bridge: sharedBridgePlan(network),
      vxlanName: vxlanName(network),
      vxlan: underlay && vxlanPlan(network, underlay, this.tunnels.open),
      keepsTunnel: underlay === undefined && network.shared === true,
    };
  }
}

/**
 * Every host has the same addresses on it, which is no conflict: none looks for another that has its own. Where the host has none, IPv6
 * is still switched on: the kernel keeps no neighbours on an interface without it, and those are what questions are answered from.
 */
function sharedBridgePlan(network: Network): BridgePlan {
  const plan = bridgePlan(network);
  if (!network.ipv6 || !kernelHasIpv6) return plan;
  const sysctl = (name: string, value: string) =>
    ({ sysctl: `net/ipv6/conf/${plan.name}/${name}`, value, in: 'host' }) as const;
  if (plan.ipv6) return { ...plan, guards: [...plan.guards, sysctl('accept_dad', '0')] };
  const off = sysctl('disable_ipv6', '1');
  const guards = plan.guards.filter((guard) => guard.sysctl !== off.sysctl);
  return { ...plan, guards: [...guards, sysctl('accept_ra', '0'), sysctl('disable_ipv6', '0')] };
}

async function inspectUnderlay(
  { name, options: { mtu } }: Network,
  underlay: Underlay | undefined,
): Promise<readonly Difference[]> {
  if (underlay === undefined) return [];
  const link = await underlayLink(underlay);
  if (link === undefined) {
    const problem = 'is on no interface of this host, and other hosts send to it';
    return [{ object: `address ${underlay.address}`, problem }];
  }
  if (roomOver(link, underlay) >= Number(mtu)) return [];
  const problem = `has MTU ${link.mtuBytes}, which leaves no room for the ${mtu} of network ${name}`;
  return [{ object: `interface ${link.name}`, problem }];
}
