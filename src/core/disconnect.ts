// Taking an endpoint away. It is marked pending first, so that a start after a crash finishes the work.
import { addressOf } from '../base/cidr.ts';
import { runAll } from '../base/undo.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { Sandbox } from '../model/sandbox.ts';
import { allowanceChanges } from './allowance-policy.ts';
import { policyChange } from './connect.ts';
import { attachmentOf, defaultRoutes } from './desired.ts';
import { releaseUnused } from './engine-records.ts';
import { membershipEvent } from './events.ts';
import { leaveNetwork } from './host-needs.ts';
import { endpointsOfSandbox, networkOf } from './lookup.ts';
import type { Parts } from './parts.ts';
import { withdraw } from './peers.ts';
import { settle, uncoverPeers } from './presence.ts';
import { refreshSandbox } from './sandbox-names.ts';

/** Removes one endpoint and everything of it. The caller holds the sandbox's lock. */
export async function disconnect(parts: Parts, sandbox: Sandbox, endpoint: Endpoint): Promise<void> {
  const { state } = parts.store;
  const before = endpointsOfSandbox(state, sandbox.id);
  const after = before.filter((one) => one.id !== endpoint.id);
  const network = networkOf(state, endpoint);
  const attachment = attachmentOf(parts, endpoint);
  const change = policyChange(parts, before, after);
  const namespace = sandbox.namespace;
  const routes = defaultRoutes(parts, after);
  if (endpoint.pending !== true)
    await parts.store.commit([{ put: 'endpoint', value: { ...endpoint, pending: true } }]);
  // Otherwise it stays recorded, and its addresses are nobody else's: rules that are still there would lead to their heir.
  let areRulesGone = false;
  const withdrawn = withdraw(parts, endpoint);
  const failures = await runAll([
    () => parts.names.remove(endpoint.id),
    () => refreshSandbox(parts, sandbox, after),
    // Its interface goes first: as long as it is there what it sends is looked at.
    async () => {
      if (attachment !== undefined) await parts.sandboxes.detach(namespace, attachment, routes);
    },
    async () => {
      const changes = [...change.forward, ...allowanceChanges(parts, { sandbox: sandbox.id })];
      if (changes.length > 0) await parts.firewall.apply(changes);
      areRulesGone = true;
    },
    () => (areRulesGone ? parts.hostPorts.release(endpoint.id) : undefined),
    () => (areRulesGone ? parts.store.commit([{ drop: 'endpoint', id: endpoint.id }]) : undefined),
    () => releaseAddresses(parts, endpoint),
    () => leaveNetwork(parts, network),
    () => withdrawn,
    () => settle(parts, network),
    () => uncoverPeers(parts, endpoint),
  ]);
  parts.events.emit(membershipEvent('disconnect', { network, sandbox }, endpoint));
  if (failures.length > 0) {
    throw new AggregateError(
      failures,
      `sandbox ${sandbox.name} is disconnected from ${network.name}, but not everything could be removed`,
    );
  }
}

/**
 * Gives an endpoint's addresses back; its network must still be recorded. While the endpoint itself is recorded nothing is
 * done: it will be removed once more, when the addresses could be somebody else's.
 */
export function releaseAddresses(parts: Parts, endpoint: Endpoint): void {
  const { networks, endpoints } = parts.store.state;
  const network = networks.get(endpoint.networkId);
  if (network === undefined || endpoints.has(endpoint.id)) return;
  releaseUnused(parts, network, endpoint.addresses.map(addressOf));
}
