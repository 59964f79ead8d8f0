// Comparing the kernel with the records, and bringing it back to them.
import { addressOf } from '../base/cidr.ts';
import { runAll } from '../base/undo.ts';
import type { Difference } from '../model/difference.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { Network } from '../model/network.ts';
import type { Sandbox } from '../model/sandbox.ts';
import { deleteNetwork } from './delete-network.ts';
import { deleteSandbox } from './delete-sandbox.ts';
import { attachmentOf, attachmentsOf, defaultRoutes, isOnDemand, policyState } from './desired.ts';
import { disconnect } from './disconnect.ts';
import { hostNotes, inspectHost, meetHostNeeds } from './host-needs.ts';
import { poolOf } from './lease-addresses.ts';
import { driverOf, endpointsOfNetwork, endpointsOfSandbox, ipamOf, networkOf, sandboxOf } from './lookup.ts';
import type { Parts } from './parts.ts';
import { inspectPeers, restorePeers } from './peers.ts';
import { whilePresent } from './presence.ts';
import type { CheckResult } from './requests.ts';
import { refreshSandbox, startResolver } from './sandbox-names.ts';

/** What is wrong with one object, and how to mend it. */
interface Finding {
  readonly differences: readonly Difference[];
  readonly repair: () => Promise<void>;
}

/** How many sandboxes are looked at side by side. */
const batchSize = 32;

/** Compares everything; with `fix`, repairs what differs. The caller holds the lock on everything, or nothing is served yet. */
export async function check(parts: Parts, options: { readonly fix: boolean }): Promise<CheckResult> {
  const { networks, sandboxes } = parts.store.state;
  const differences: CheckResult['differences'][number][] = [];
  const settle = async (findings: readonly Finding[]) => {
    const failed = options.fix ? await repairAll(parts, findings) : new Set(findings);
    for (const finding of findings) {
      const repaired = !failed.has(finding);
      differences.push(...finding.differences.map((difference) => ({ ...difference, repaired })));
    }
  };
  await settle(checkPending(parts));
  for (const network of networks.values()) await settle([await checkNetwork(parts, network)]);
  await settle([await checkFirewall(parts)]);
  await settle([await checkHost(parts)]);
  await settle(await checkSandboxes(parts, [...sandboxes.values()]));
  await settle([await checkStrays(parts)]);
  return { differences, notes: await lookAt('host', () => hostNotes(parts)) };
}

/** Removes what was being made or unmade and never finished. The caller sees to it that nobody is at it now. */
export async function repairPending(parts: Parts): Promise<void> {
  await repairAll(parts, checkPending(parts));
}

/** What is wrong with one endpoint's sandbox, its network or the rules; changes nothing. */
export async function checkEndpoint(parts: Parts, endpoint: Endpoint): Promise<readonly Difference[]> {
  const { state } = parts.store;
  const network = networkOf(state, endpoint);
  const { differences } = await checkSandbox(parts, sandboxOf(state, endpoint));
  return [
    ...differences,
    ...checkLeases(parts, network, endpoint),
    ...(await inspectNetwork(parts, network)),
  ];
}

/** What is wrong with a network or the rules; changes nothing. */
export async function inspectNetwork(parts: Parts, network: Network): Promise<readonly Difference[]> {
  const { differences } = await checkNetwork(parts, network);
  // Against what was applied last: endpoints of others may be on their way.
  return [...differences, ...(await parts.firewall.inspect())];
}

/** Looks at one network and what hangs on its kernel objects, and repairs it. */
export async function repairNetwork(parts: Parts, network: Network): Promise<void> {
  await repairAll(parts, [await checkNetwork(parts, network)]);
  const { state } = parts.store;
  const onIt = endpointsOfNetwork(state, network.id).map((endpoint) => sandboxOf(state, endpoint));
  await repairSandboxes(parts, onIt);
}

/** Looks at some sandboxes and repairs them. */
export async function repairSandboxes(parts: Parts, sandboxes: readonly Sandbox[]): Promise<void> {
  await repairAll(parts, await checkSandboxes(parts, sandboxes));
}

/** Looks at the rules and repairs them. */
export async function repairFirewall(parts: Parts): Promise<void> {
  await repairAll(parts, [await checkFirewall(parts)]);
}

function checkPending(parts: Parts): readonly Finding[] {
  const { state } = parts.store;
  const finding = (object: string, repair: Finding['repair']): Finding => ({
    differences: [{ object, problem: 'was left half made or half deleted' }],
    repair,
  });
  const isPending = (record: { readonly pending?: true }) => record.pending === true;
  return [
    ...[...state.sandboxes.values()]
      .filter(isPending)
      .map((sandbox) => finding(`sandbox ${sandbox.name}`, () => deleteSandbox(parts, sandbox))),
    ...[...state.endpoints.values()]
      .filter((endpoint) => isPending(endpoint) && !isPending(sandboxOf(state, endpoint)))
      .map((endpoint) => {
        const sandbox = sandboxOf(state, endpoint);
        const object = `endpoint ${endpoint.ifname} of sandbox ${sandbox.name}`;
        return finding(object, () => disconnect(parts, sandbox, endpoint));
      }),
    ...[...state.networks.values()]
      .filter(isPending)
      .map((network) =>
        finding(`network ${network.name}`, () => deleteNetwork(parts, { ...network, builtin: false })),
      ),
  ];
}

async function checkNetwork(parts: Parts, network: Network): Promise<Finding> {
  const driver = driverOf(parts, network);
  // Nothing of it is to be there.
  if (isOnDemand(parts, network) && !parts.present.has(network.id)) {
    return { differences: [], repair: async () => {} };
  }
  const look = async () => [
    ...(await driver.inspectNetwork(network)),
    ...(await inspectPeers(parts, network)),
  ];
  return {
    differences: await lookAt(`network ${network.name}`, look),
    repair: () =>
      isOnDemand(parts, network)
        ? whilePresent(parts, network.id, () => bringBack(parts, network))
        : driver.ensureNetwork(network),
  };
}

async function bringBack(parts: Parts, network: Network): Promise<void> {
  await driverOf(parts, network).ensureNetwork(network);
  await restorePeers(parts, network);
}

function checkLeases(parts: Parts, network: Network, { addresses }: Endpoint): readonly Difference[] {
  const ipam = ipamOf(parts, network.ipam.driver);
  return addresses.map(addressOf).flatMap((address) => {
    const pool = poolOf(network, address);
    if (pool === undefined || ipam.holds(pool, address)) return [];
    return [{ object: `address ${address}`, problem: `is not leased from pool ${pool.subnet}` }];
  });
}

async function checkFirewall(parts: Parts): Promise<Finding> {
  return {
    differences: await parts.firewall.inspect(policyState(parts)),
    repair: () => parts.firewall.replace(policyState(parts)),
  };
}

async function checkHost(parts: Parts): Promise<Finding> {
  return {
    differences: await lookAt('host', () => inspectHost(parts)),
    repair: () => meetHostNeeds(parts),
  };
}

async function checkSandboxes(parts: Parts, sandboxes: readonly Sandbox[]): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (let start = 0; start < sandboxes.length; start += batchSize) {
    const batch = sandboxes.slice(start, start + batchSize);
    findings.push(...(await Promise.all(batch.map((sandbox) => checkSandbox(parts, sandbox)))));
  }
  return findings;
}

/** A namespace that is only awaited cannot be gone: its engine says so when it does not come. */
export async function isGone(parts: Parts, { namespace }: Sandbox): Promise<boolean> {
  return namespace.kind !== 'awaited' && !(await parts.sandboxes.exists(namespace));
}

async function checkSandbox(parts: Parts, sandbox: Sandbox): Promise<Finding> {
  const { namespace } = sandbox;
  if (namespace.kind === 'host' || namespace.kind === 'shared') {
    return { differences: [], repair: async () => {} };
  }
  const endpoints = endpointsOfSandbox(parts.store.state, sandbox.id).filter(
    ({ pending }) => pending !== true,
  );
  const routes = defaultRoutes(parts, endpoints);
  const look = async () => {
    const found = await parts.sandboxes.inspect(namespace, attachmentsOf(parts, endpoints), routes);
    return found.map(({ object, problem }) => ({ object: `sandbox ${sandbox.name}: ${object}`, problem }));
  };
  const differences = await lookAt(`sandbox ${sandbox.name}`, look);
  // Whoever was looked at is there, which need not be found out for a thousand of them.
  if (differences.length > 0 && (await isGone(parts, sandbox))) {
    const problem = `its network namespace ${'path' in namespace ? namespace.path : ''} is gone`;
    return {
      differences: [{ object: `sandbox ${sandbox.name}`, problem }],
      repair: () => deleteSandbox(parts, sandbox),
    };
  }
  return {
    differences,
    repair: async () => {
      for (const endpoint of endpoints) {
        const attachment = attachmentOf(parts, endpoint);
        if (attachment !== undefined) await parts.sandboxes.repair(namespace, attachment, routes);
      }
      await startResolver(parts, sandbox, endpoints);
      await refreshSandbox(parts, sandbox, endpoints);
    },
  };
}

/** What cannot even be looked at is told as well, and keeps nothing else from being looked at. */
async function lookAt(
  object: string,
  look: () => Promise<readonly Difference[]>,
): Promise<readonly Difference[]> {
  try {
    return await look();
  } catch (error) {
    return [{ object, problem: `cannot be looked at: ${String(error)}` }];
  }
}

async function checkStrays(parts: Parts): Promise<Finding> {
  const { sandboxes, endpoints } = parts.store.state;
  const strays = await parts.sandboxes.strays({
    namespaces: [...sandboxes.values()].map((sandbox) => sandbox.namespace),
    attachments: attachmentsOf(parts, [...endpoints.values()]),
  });
  return {
    differences: strays.map(({ kind, name }) => ({
      object: `${kind} ${name}`,
      problem: 'no record accounts for it',
    })),
    repair: async () => {
      for (const stray of strays) await parts.sandboxes.removeStray(stray);
    },
  };
}

/** Repairs what differs, all of it whatever fails; returns the findings that could not be mended. */
async function repairAll(parts: Parts, findings: readonly Finding[]): Promise<ReadonlySet<Finding>> {
  const failed = new Set<Finding>();
  for (const finding of findings.filter(({ differences }) => differences.length > 0)) {
    const failures = await runAll([finding.repair]);
    for (const { object, problem } of finding.differences) {
      const outcome = failures.length > 0 ? 'could not be repaired' : 'repaired';
      parts.log.warn(
        { object, problem, ...(failures.length > 0 && { reason: String(failures[0]) }) },
        outcome,
      );
      parts.events.emit({
        type: 'daemon',
        action: outcome === 'repaired' ? 'repair' : 'repair-failed',
        id: '',
        attributes: { object, problem },
      });
    }
    if (failures.length > 0) failed.add(finding);
  }
  return failed;
}
