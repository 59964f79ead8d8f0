// An overlay network's bridge and VXLAN in the kernel: made, brought back to the plan, inspected and removed.
import { NetError } from '../../base/errors.ts';
import { NetlinkError } from '../../kernel/netlink/error.ts';
import { runProgram, runReaper } from '../../kernel/program.ts';
import { findLink, readLinks, request } from '../../kernel/rtnetlink/client.ts';
import { type Link, removeLink } from '../../kernel/rtnetlink/link.ts';
import { chooseLinkIndex } from '../../kernel/rtnetlink/link-index.ts';
import type { Difference } from '../../model/difference.ts';
import { type BridgePlan, compareBridge, createSteps } from '../bridge/bridge-plan.ts';
import { bridgeRefusal, checkKind, observeBridge, removeBridge } from '../bridge/bridge-upkeep.ts';
import { compareVxlan, type VxlanFault, type VxlanPlan } from './vxlan-plan.ts';

export interface OverlayPlan {
  readonly bridge: BridgePlan;
  readonly vxlanName: string;
  /** None on a host that has no address towards others. */
  readonly vxlan: VxlanPlan | undefined;
  /** What there is of the VXLAN stays as it is: this host was of several, and does not know of them now. */
  readonly keepsTunnel: boolean;
}

/** Returns whether anything was to do. Errors: `conflict`, `not_implemented`, `internal`; then what was made here is removed. */
export async function bringAbout(plan: OverlayPlan): Promise<boolean> {
  const [bridge, tunnel] = await Promise.all([
    observeBridge(plan.bridge),
    findLink({ name: plan.vxlanName }),
  ]);
  if (bridge !== undefined) checkKind(plan.bridge, bridge);
  checkTunnelKind(tunnel);
  const index = bridge?.link.index ?? chooseLinkIndex();
  const tunnelSteps = tunnelFaults(plan, tunnel, index).map(({ mend }) => mend);
  const steps =
    bridge === undefined
      ? createSteps(plan.bridge, index, tunnelSteps)
      : [...compareBridge(plan.bridge, bridge).flatMap(({ mend }) => mend), ...tunnelSteps];
  if (steps.length === 0) return false;
  try {
    await runProgram(steps);
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    const concernsTunnel = tunnelSteps.some((step) => step === steps[error.step]);
    const refusal = concernsTunnel ? await tunnelRefusal(plan, error) : bridgeRefusal(plan.bridge, error);
    if (bridge === undefined && !(error.step === 0)) await removeBridge(plan.bridge);
    if (tunnel === undefined && concernsTunnel) await removeTunnel(plan.vxlanName);
    throw refusal;
  }
  return true;
}

export async function inspect(plan: OverlayPlan): Promise<readonly Difference[]> {
  const [bridge, tunnel] = await Promise.all([
    observeBridge(plan.bridge),
    findLink({ name: plan.vxlanName }),
  ]);
  const object = `bridge ${plan.bridge.name}`;
  if (bridge === undefined) return [{ object, problem: 'is missing' }];
  if (bridge.link.info.kind !== 'bridge') return [{ object, problem: 'is an interface of another kind' }];
  const vxlan = `vxlan ${plan.vxlanName}`;
  return [
    ...compareBridge(plan.bridge, bridge).map(({ problem }) => ({ object, problem })),
    ...(isOtherKind(tunnel)
      ? [{ object: vxlan, problem: 'is an interface of another kind' }]
      : tunnelFaults(plan, tunnel, bridge.link.index).map(({ problem }) => ({
          object: vxlan,
          problem,
        }))),
  ];
}

export async function remove(plan: Pick<OverlayPlan, 'bridge' | 'vxlanName'>): Promise<void> {
  const results = await Promise.allSettled([removeTunnel(plan.vxlanName), removeBridge(plan.bridge)]);
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  if (failures.length > 0) throw new AggregateError(failures, `cannot remove ${plan.bridge.name}`);
}

function tunnelFaults(plan: OverlayPlan, tunnel: Link | undefined, bridge: number): readonly VxlanFault[] {
  return plan.keepsTunnel ? [] : compareVxlan(plan.vxlan, tunnel, bridge);
}

async function removeTunnel(name: string): Promise<void> {
  const link = await findLink({ name });
  if (link === undefined || isOtherKind(link)) return;
  try {
    await runReaper([request('host', removeLink({ index: link.index }))]);
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.code !== 'ENODEV') throw error;
  }
}

function isOtherKind(link: Link | undefined): boolean {
  return link !== undefined && link.info.kind !== 'vxlan';
}

function checkTunnelKind(link: Link | undefined): void {
  if (link === undefined || !isOtherKind(link)) return;
  throw new NetError('conflict', `interface ${link.name} exists on the host and is no VXLAN`);
}

async function tunnelRefusal({ vxlanName, vxlan }: OverlayPlan, error: NetlinkError): Promise<NetError> {
  const cause = { cause: error };
  if (error.code === 'ENOTSUP') {
    return new NetError('not_implemented', 'this kernel has no VXLAN (CONFIG_VXLAN)', cause);
  }
  if (error.code === 'EEXIST' && vxlan !== undefined) {
    const { id, port } = vxlan.vxlan;
    const owner = (await vniOwner(vxlan)) ?? 'of another namespace';
    return new NetError('conflict', `VXLAN id ${id} at port ${port} is that of interface ${owner}`, cause);
  }
  if (error.code === 'EADDRINUSE' && vxlan !== undefined) {
    const { port } = vxlan.vxlan;
    return new NetError('conflict', `UDP port ${port}, which tunnels end at, is held by a program`, cause);
  }
  return new NetError('internal', `cannot make vxlan ${vxlanName}: ${error.message}`, cause);
}

/** The name of another VXLAN of the host with that id and port. One that was moved to another namespace keeps both, and is not seen. */
async function vniOwner({ name, vxlan }: VxlanPlan): Promise<string | undefined> {
  const isRival = ({ info, name: other }: Link) =>
    info.kind === 'vxlan' && other !== name && info.vxlan.id === vxlan.id && info.vxlan.port === vxlan.port;
  return (await readLinks()).find(isRival)?.name;
}
