// Deleting a sandbox with every endpoint it has. It is marked pending first, so that a start after a crash finishes the work.
import { runAll } from '../base/undo.ts';
import type { Sandbox } from '../model/sandbox.ts';
import { allowanceChanges, allowanceDrops, allowancesOf } from './allowance-policy.ts';
import { policyChange } from './connect.ts';
import { attachmentsOf } from './desired.ts';
import { releaseAddresses } from './disconnect.ts';
import { allowanceEvent, sandboxEvent } from './events.ts';
import { leaveNetwork } from './host-needs.ts';
import { viewAllowance } from './inspect.ts';
import { endpointsOfSandbox, networkOf } from './lookup.ts';
import type { Parts } from './parts.ts';
import { withdraw } from './peers.ts';
import { settle, uncoverPeers } from './presence.ts';
import { hasFiles } from './sandbox-names.ts';

/** The caller holds the sandbox's lock and has seen to its process. Goes on whatever fails and reports it all. */
export async function deleteSandbox(parts: Parts, sandbox: Sandbox): Promise<void> {
  const { state } = parts.store;
  const endpoints = endpointsOfSandbox(state, sandbox.id);
  const attachments = attachmentsOf(parts, endpoints);
  const change = policyChange(parts, endpoints, []);
  const networks = endpoints.map((endpoint) => networkOf(state, endpoint));
  const allowances = allowancesOf(state, { sandbox: sandbox.id });
  const toldAllowances = allowances.map((allowance) => viewAllowance(parts, allowance));
  const { namespace } = sandbox;
  if (state.sandboxes.get(sandbox.id)?.pending !== true)
    await parts.store.commit([{ put: 'sandbox', value: { ...sandbox, pending: true } }]);
  // Otherwise it stays recorded, and its addresses are nobody else's: rules that are still there would lead to their heir.
  let areRulesGone = false;
  const withdrawn = Promise.all(endpoints.map((endpoint) => withdraw(parts, endpoint)));
  const failures = await runAll([
    () => {
      for (const endpoint of endpoints) parts.names.remove(endpoint.id);
    },
    () => parts.names.close(sandbox.id),
    // Its interfaces go first: as long as they are there what they send is looked at.
    async () => {
      if (namespace.kind !== 'shared') await parts.sandboxes.remove(namespace, attachments);
    },
    async () => {
      const changes = [...change.forward, ...allowanceChanges(parts, { sandbox: sandbox.id })];
      if (changes.length > 0) await parts.firewall.apply(changes);
      areRulesGone = true;
    },
    () => {
      if (areRulesGone) for (const endpoint of endpoints) parts.hostPorts.release(endpoint.id);
    },
    async () => {
      if (hasFiles(sandbox)) await parts.files.remove(sandbox);
    },
    async () => {
      if (!areRulesGone) return;
      await parts.store.commit([
        ...allowanceDrops(allowances),
        ...endpoints.map((endpoint) => ({ drop: 'endpoint' as const, id: endpoint.id })),
        { drop: 'sandbox', id: sandbox.id },
      ]);
    },
    () => {
      for (const endpoint of endpoints) releaseAddresses(parts, endpoint);
    },
    () => {
      for (const network of networks) leaveNetwork(parts, network);
    },
    async () => void (await withdrawn),
    ...networks.map((network) => () => settle(parts, network)),
    ...endpoints.map((endpoint) => () => uncoverPeers(parts, endpoint)),
  ]);
  for (const view of toldAllowances) parts.events.emit(allowanceEvent('delete', view));
  parts.events.emit(sandboxEvent('delete', sandbox));
  if (failures.length > 0) {
    throw new AggregateError(
      failures,
      `sandbox ${sandbox.name} is deleted, but not everything of it could be removed`,
    );
  }
}
