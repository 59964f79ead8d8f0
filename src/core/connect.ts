// Connecting a sandbox to a network: record, rules, interface, names, in this order; each step registers its undo before it runs.
import { allDone, withUndo } from '../base/undo.ts';
import type { PolicyChange } from '../firewall/firewall.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { Network } from '../model/network.ts';
import type { Sandbox } from '../model/sandbox.ts';
import type { HostInterface } from '../sandbox/sandbox.ts';
import { allowanceChanges } from './allowance-policy.ts';
import { attachmentOf, defaultRoutes, endpointPolicies, nameEntry } from './desired.ts';
import { draftEndpoint } from './endpoint-draft.ts';
import { membershipEvent } from './events.ts';
import { changesNeeds, followHostNeeds } from './host-needs.ts';
import { endpointsOfSandbox } from './lookup.ts';
import type { Parts } from './parts.ts';
import { publish, withdraw } from './peers.ts';
import { bringAbout, joining } from './presence.ts';
import type { EndpointConfig } from './requests.ts';
import { refreshSandbox, startResolver } from './sandbox-names.ts';

/** An endpoint with what was made for it beyond its record. */
export interface Connected {
  readonly endpoint: Endpoint;
  readonly hostInterfaces: readonly HostInterface[];
}

/**
 * Makes one endpoint. The caller holds the locks of the network (shared) and of the sandbox, and both are recorded. What is only
 * offered works when somebody has taken it: until then there is time to start a resolver, which is left to the caller.
 * Errors: see `draftEndpoint` and `Sandboxes.attach`; nothing is left of a failed one.
 */
export function connect(
  parts: Parts,
  to: { readonly network: Network; readonly sandbox: Sandbox },
  config: EndpointConfig,
): Promise<Connected> {
  return joining(parts, to.network, () => make(parts, to, config));
}

function make(
  parts: Parts,
  to: { readonly network: Network; readonly sandbox: Sandbox },
  config: EndpointConfig,
): Promise<Connected> {
  return withUndo(async (undo) => {
    const { store } = parts;
    const before = endpointsOfSandbox(store.state, to.sandbox.id);
    const endpoint = await draftEndpoint(parts, to, config, undo);
    const after = [...before, endpoint];
    const followHost = async () => {
      if (changesNeeds(parts, to.network)) await followHostNeeds(parts);
    };
    undo(followHost);
    undo(() => refreshAllowances(parts, to.sandbox));
    undo(() => store.commit([{ drop: 'endpoint', id: endpoint.id }]));
    await store.commit([{ put: 'endpoint', value: { ...endpoint, pending: true } }]);
    await followHost();
    await bringAbout(parts, to.network);

    const change = policyChange(parts, before, after);
    const hasRules = change.forward.length > 0;
    if (hasRules) undo(() => parts.firewall.apply(change.back));
    undo(() => refreshSandbox(parts, to.sandbox, before));
    undo(() => withdraw(parts, endpoint));
    const attachment = attachmentOf(parts, endpoint);
    const namespace = to.sandbox.namespace;
    const isOffered = endpoint.engine === 'offered';
    if (attachment !== undefined) {
      undo(() => parts.sandboxes.detach(namespace, attachment, defaultRoutes(parts, before)));
    }
    // Rules and interface are made on a thread of its own, one after the other: who may send by the interface is settled before
    // it comes up. What needs neither is done meanwhile.
    let hostInterfaces: readonly HostInterface[] = [];
    const listens = isOffered ? Promise.resolve() : startResolver(parts, to.sandbox, after);
    await allDone([
      hasRules ? parts.firewall.apply(change.forward) : undefined,
      attachment &&
        parts.sandboxes.attach(namespace, attachment, defaultRoutes(parts, after)).then((made) => {
          hostInterfaces = made;
        }),
      listens.then(() => refreshSandbox(parts, to.sandbox, after)),
      // Others learn of it while it is made: none of them is answered before it is.
      publish(parts, endpoint),
    ]);
    const entry = nameEntry(store.state, endpoint);
    if (entry !== undefined) {
      undo(() => parts.names.remove(endpoint.id));
      parts.names.put(entry);
    }
    await store.commit([{ put: 'endpoint', value: endpoint }]);
    await refreshAllowances(parts, to.sandbox);
    parts.events.emit(membershipEvent('connect', to, endpoint));
    return { endpoint, hostInterfaces };
  });
}

/**
 * Lets allowances follow the sandbox's addresses. The other end may change at the same time: changes are worked out from the
 * records as they are given to the firewall, so that the last to come knows of both.
 */
async function refreshAllowances(parts: Parts, { id }: Sandbox): Promise<void> {
  const changes = allowanceChanges(parts, { sandbox: id });
  if (changes.length > 0) await parts.firewall.apply(changes);
}

/**
 * The port rules that change when a sandbox's endpoints change, and the way back. Endpoints that stay are compared too,
 * because the default route may move to another network and with it whose askers keep their source address.
 */
export function policyChange(parts: Parts, before: readonly Endpoint[], after: readonly Endpoint[]) {
  const old = endpointPolicies(parts, before);
  const next = endpointPolicies(parts, after);
  return { forward: difference(old, next), back: difference(next, old) };
}

function difference(
  from: ReturnType<typeof endpointPolicies>,
  to: ReturnType<typeof endpointPolicies>,
): readonly PolicyChange[] {
  const kept = new Set(to.map((policy) => policy.endpointId));
  const removed = from.filter((policy) => !kept.has(policy.endpointId));
  return [
    ...removed.map((policy) => ({ removedEndpoint: policy.endpointId })),
    ...to.map((policy) => ({ endpoint: policy })),
  ];
}
