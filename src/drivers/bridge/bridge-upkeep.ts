// A network's bridge in the kernel: seen, made and removed.
import { NetError } from '../../base/errors.ts';
import { NetlinkError } from '../../kernel/netlink/error.ts';
import { runProgram, runReaper } from '../../kernel/program.ts';
import { findLink, readAddresses, request } from '../../kernel/rtnetlink/client.ts';
import { removeLink } from '../../kernel/rtnetlink/link.ts';
import { chooseLinkIndex } from '../../kernel/rtnetlink/link-index.ts';
import { readSysctl } from '../../kernel/sysctl.ts';
import { type BridgePlan, createSteps, isMadeFor, type ObservedBridge } from './bridge-plan.ts';

export async function observeBridge(plan: BridgePlan): Promise<ObservedBridge | undefined> {
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

/** Errors: `conflict`. */
export function checkKind(plan: BridgePlan, { link }: ObservedBridge): void {
  if (link.info.kind === 'bridge') return;
  throw new NetError('conflict', `interface ${plan.name} exists on the host and is no bridge`);
}

/** Errors: as of `bridgeRefusal`. */
export async function makeBridge(plan: BridgePlan): Promise<void> {
  try {
    await runProgram(createSteps(plan, chooseLinkIndex()));
  } catch (error) {
    throw error instanceof NetlinkError ? bridgeRefusal(plan, error) : error;
  }
}

/** What the failure of a program of `createSteps` means. `not_implemented`, `conflict`, `internal`. */
export function bridgeRefusal({ name }: BridgePlan, error: NetlinkError): NetError {
  const cause = { cause: error };
  if (error.step === 0 && error.code === 'ENOTSUP') {
    return new NetError('not_implemented', 'this kernel has no bridges (CONFIG_BRIDGE)', cause);
  }
  if (error.step === 0 && error.code === 'EEXIST') {
    return new NetError('conflict', `interface ${name} exists on the host already`, cause);
  }
  return new NetError('internal', `cannot make bridge ${name}: ${error.message}`, cause);
}

/** One that is somebody else's stays. Absent is fine. */
export async function removeBridge(plan: BridgePlan): Promise<void> {
  const link = await findLink({ name: plan.name });
  if (link === undefined || !isMadeFor(plan, link)) return;
  try {
    await runReaper([request('host', removeLink({ index: link.index }))]);
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.code !== 'ENODEV') throw error;
  }
}
