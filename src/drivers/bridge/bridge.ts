// Networks on a bridge of the host: sandboxes reach each other through it and everything else through the host's address on it.
import { NetError } from '../../base/errors.ts';
import { egressLink } from '../../kernel/host-subnets.ts';
import { runProgram } from '../../kernel/program.ts';
import { findLink } from '../../kernel/rtnetlink/client.ts';
import type { Attachment } from '../../model/attachment.ts';
import type { Difference } from '../../model/difference.ts';
import type { Endpoint } from '../../model/endpoint.ts';
import type { Network } from '../../model/network.ts';
import type { NetworkPolicy, PortForward } from '../../model/policy.ts';
import type { Driver, NetworkDraft } from '../driver.ts';
import type { ForwardingNeed } from '../host-forwarding.ts';
import { normalizeOptions, type Options } from '../options.ts';
import { portForwards } from '../port-forwards.ts';
import { bridgeName, bridgePlan, compareBridge, defaultBridgeName } from './bridge-plan.ts';
import { checkKind, makeBridge, observeBridge, removeBridge } from './bridge-upkeep.ts';
import { checkFamilies, checkMtu, forwardingNeed, gatewayPolicy } from './gateway-policy.ts';
import { bridgeOptions } from './options.ts';
import { portAttachment } from './port-attachment.ts';

const mtuWithoutEgress = 1500;

export class BridgeDriver implements Driver {
  readonly name = 'bridge';
  readonly scope = 'local';
  readonly hasInterfaces = true;
  readonly hasGateway = true;

  normalizeOptions(raw: Options): Options {
    return normalizeOptions(this.name, bridgeOptions, raw);
  }

  async resolve(draft: NetworkDraft, others: readonly Network[]): Promise<Options> {
    checkFamilies(draft);
    const bridge = draft.options['bridge'] ?? defaultBridgeName(draft.id);
    await checkName(bridge, draft, others);
    const mtu = draft.options['mtu'] ?? String((await egressLink())?.mtuBytes ?? mtuWithoutEgress);
    checkMtu(draft, mtu);
    return { ...draft.options, bridge, mtu };
  }

  async ensureNetwork(network: Network): Promise<void> {
    const plan = bridgePlan(network);
    const observed = await observeBridge(plan);
    if (observed === undefined) return makeBridge(plan);
    checkKind(plan, observed);
    const steps = compareBridge(plan, observed).flatMap(({ mend }) => mend);
    if (steps.length > 0) await runProgram(steps);
  }

  /** A bridge that was there before the network stays, with the addresses it was given. */
  async removeNetwork(network: Network): Promise<void> {
    await removeBridge(bridgePlan(network));
  }

  hostLinks(network: Network): readonly string[] {
    return [bridgeName(network)];
  }

  async inspectNetwork(network: Network): Promise<readonly Difference[]> {
    const plan = bridgePlan(network);
    const object = `bridge ${plan.name}`;
    const observed = await observeBridge(plan);
    if (observed === undefined) return [{ object, problem: 'is missing' }];
    if (observed.link.info.kind !== 'bridge') return [{ object, problem: 'is an interface of another kind' }];
    return compareBridge(plan, observed).map(({ problem }) => ({ object, problem }));
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
