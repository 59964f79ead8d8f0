// The ends of an allowance: what their names stand for, and whether anything could pass between them.
import { familyOf } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import type { Allowance, Party } from '../model/allowance.ts';
import type { PartyName } from '../model/allowance-syntax.ts';
import type { Network } from '../model/network.ts';
import type { Sandbox } from '../model/sandbox.ts';
import type { State } from '../store/store.ts';
import { isRouted, partyAddresses } from './allowance-policy.ts';
import { namespaceOwner } from './desired.ts';
import { partyText } from './inspect.ts';
import { endpointsOfSandbox, findNetwork, findSandbox, lookUp, networkOf } from './lookup.ts';
import type { Parts } from './parts.ts';

/** A name goes before a prefix of an id. Errors: `not_found`; `invalid_parameter` where it could be either kind. */
export function findParty(state: State, { kind, ref }: PartyName): Party {
  if (kind === 'network') return { network: findNetwork(state, ref).id };
  if (kind === 'sandbox') return { sandbox: findSandbox(state, ref).id };
  const isCalled = (record: { readonly id: string; readonly name: string }) =>
    record.id === ref || record.name === ref;
  const named = only(
    ref,
    [...state.networks.values()].find(isCalled),
    [...state.sandboxes.values()].find(isCalled),
  );
  if (named !== undefined) return named;
  const meant = only(ref, lookUp('network', state.networks, ref), lookUp('sandbox', state.sandboxes, ref));
  if (meant === undefined) throw new NetError('not_found', `no network or sandbox ${ref}`);
  return meant;
}

/** Errors: `invalid_parameter` where both kinds have one. */
function only(ref: string, network: Network | undefined, sandbox: Sandbox | undefined): Party | undefined {
  if (network !== undefined && sandbox !== undefined) {
    throw new NetError(
      'invalid_parameter',
      `${ref} is both a network and a sandbox: write network:${ref} or sandbox:${ref}`,
    );
  }
  if (network !== undefined) return { network: network.id };
  return sandbox && { sandbox: sandbox.id };
}

/** The caller holds the locks of both. Errors: `not_found`; `invalid_parameter` where nothing could come of it. */
export function checkParties(parts: Parts, { from, to }: Pick<Allowance, 'from' | 'to'>): void {
  const [ours, theirs] = [from, to].map((party) => new Set(routedNetworks(parts, party)));
  const isSame = from.network === to.network && from.sandbox === to.sandbox;
  const [only, ...others] = new Set([...(ours ?? []), ...(theirs ?? [])]);
  if (isSame || (only !== undefined && others.length === 0 && ours?.size === theirs?.size)) {
    throw new NetError('invalid_parameter', togetherText(parts, from, isSame ? undefined : only));
  }
  checkFamilies(parts, from, to);
}

/** Those of a party that the host passes packets on to; of a sandbox on no network, none. */
function routedNetworks(parts: Parts, { network: networkId, sandbox: sandboxId }: Party): readonly Network[] {
  const { state } = parts.store;
  if (networkId !== undefined) {
    const network = findNetwork(state, networkId);
    if (network.pending) throw new NetError('not_found', `no network ${network.name}`);
    if (isRouted(parts, network)) return [network];
    throw new NetError(
      'invalid_parameter',
      `network ${unroutedText(network)}: the host passes nothing on between it and other networks`,
    );
  }
  const sandbox = findSandbox(state, sandboxId);
  if (sandbox.pending) throw new NetError('not_found', `no sandbox ${sandbox.name}`);
  if (sandbox.namespace.kind === 'shared') {
    throw new NetError(
      'invalid_parameter',
      `sandbox ${sandbox.name} shares the namespace of ${namespaceOwner(state, sandbox).name}: name that one instead`,
    );
  }
  const networks = endpointsOfSandbox(state, sandboxId).map((endpoint) => networkOf(state, endpoint));
  const routed = networks.filter((network) => isRouted(parts, network));
  if (routed.length > 0 || networks.length === 0) return routed;
  throw new NetError(
    'invalid_parameter',
    `sandbox ${sandbox.name} is only on networks the host passes nothing on to: ${networks.map(unroutedText).join(', ')}`,
  );
}

function unroutedText({ name, internal, driver }: Network): string {
  return `${name} (${internal ? 'internal' : `driver ${driver}`})`;
}

/** Why an allowance is of no use to ends that are one, or on one network and no other. */
function togetherText({ store: { state } }: Parts, party: Party, shared: Network | undefined): string {
  const network = shared ?? (party.network === undefined ? undefined : findNetwork(state, party.network));
  if (network === undefined) return `both ends are ${partyText(state, party)}`;
  const ends =
    shared === undefined
      ? `both ends are network ${network.name}`
      : `both ends are on network ${network.name} alone`;
  if (network.options['icc'] !== 'false') return `${ends}, where sandboxes reach each other already`;
  return `${ends}, whose option icc=false keeps sandboxes apart at the bridge: no policy can open that`;
}

/** Errors: `invalid_parameter` where both have addresses, but none of one family. */
function checkFamilies(parts: Parts, from: Party, to: Party): void {
  const [ours, theirs] = [from, to].map((party) => new Set(partyAddresses(parts, party).map(familyOf)));
  if (!ours?.size || !theirs?.size || [...ours].some((family) => theirs.has(family))) return;
  const { state } = parts.store;
  throw new NetError(
    'invalid_parameter',
    `${partyText(state, from)} has IPv${[...ours][0]} addresses and ${partyText(state, to)} IPv${[...theirs][0]} ones: nothing can pass between them`,
  );
}
