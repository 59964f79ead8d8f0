// What is known of names, for people: what a sandbox is told, what it sees, and how much is asked.
import { NetError } from '../base/errors.ts';
import type { PartyName } from '../model/allowance-syntax.ts';
import { type SandboxId, shortId } from '../model/ids.ts';
import type { NameLookup } from '../model/name-lookup.ts';
import type { NameStatisticsView } from '../model/name-statistics.ts';
import type { Sandbox } from '../model/sandbox.ts';
import type { VisibleName } from '../model/visible-name.ts';
import { findParty } from './allowance-parties.ts';
import { namespaceOwner, usesResolver } from './desired.ts';
import { findTarget } from './find-target.ts';
import { endpointsOfSandbox } from './lookup.ts';
import type { Parts } from './parts.ts';
import type { NameRequest } from './requests.ts';

/** Errors: `not_found`; `conflict` for a sandbox that cannot ask; `invalid_parameter`. */
export async function lookUpName(parts: Parts, { from, name, type = 'A' }: NameRequest): Promise<NameLookup> {
  const { id } = await findAsker(parts, from);
  return parts.names.query(id, { name, type });
}

/** What a sandbox sees, or all there is. Errors: as above. */
export async function seenNames(parts: Parts, from?: string): Promise<readonly VisibleName[]> {
  return parts.names.visible(from === undefined ? undefined : (await findAsker(parts, from)).id);
}

/**
 * Since the daemon started, of these sandboxes and networks, or of all.
 * Errors: `not_found`; `invalid_parameter` for a name that could be either.
 */
export function nameStatistics(parts: Parts, targets: readonly PartyName[]): NameStatisticsView {
  const { state } = parts.store;
  const { askers, networks, upstreams, ...rest } = parts.names.statistics();
  const wanted = targets.map((target) => findParty(state, target));
  const isWanted = (party: { readonly sandboxId?: SandboxId | undefined }) =>
    wanted.length === 0 || wanted.some(({ sandbox }) => sandbox !== undefined && sandbox === party.sandboxId);
  const sandboxName = (id: SandboxId) => state.sandboxes.get(id)?.name ?? shortId(id);
  return {
    ...rest,
    askers: askers.filter(isWanted).map((one) => ({ ...one, sandboxName: sandboxName(one.sandboxId) })),
    networks: networks
      .filter(({ networkId }) => wanted.length === 0 || wanted.some(({ network }) => network === networkId))
      .map((one) => ({
        ...one,
        networkName: state.networks.get(one.networkId)?.name ?? shortId(one.networkId),
      })),
    upstreams: upstreams.filter(isWanted).map((one) => ({
      ...one,
      ...(one.sandboxId !== undefined && { sandboxName: sandboxName(one.sandboxId) }),
    })),
  };
}

/** The sandbox in whose place a target asks: that of its namespace. */
async function findAsker(parts: Parts, ref: string): Promise<Sandbox> {
  const { state } = parts.store;
  const found = await findTarget(parts, ref);
  if ('adopt' in found) throw new NetError('not_found', `${ref} is connected to no network`);
  const asker = namespaceOwner(state, found);
  if (usesResolver(state, endpointsOfSandbox(state, asker.id))) return asker;
  throw new NetError('conflict', `sandbox ${found.name} is on no network that has names`);
}
