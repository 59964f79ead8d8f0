// Starting: the records of the last run are brought to one that is whole, and the kernel to the records.
import { addressOf, contains } from '../base/cidr.ts';
import { randomId } from '../base/random-id.ts';
import { runAll } from '../base/undo.ts';
import type { Party } from '../model/allowance.ts';
import type { Endpoint } from '../model/endpoint.ts';
import type { NetworkId } from '../model/ids.ts';
import type { Network } from '../model/network.ts';
import { isOpened } from '../model/port.ts';
import { isForeign, type Sandbox } from '../model/sandbox.ts';
import type { Change } from '../store/store.ts';
import { allowanceDrops } from './allowance-policy.ts';
import { check, isGone, repairPending } from './check.ts';
import { createNetwork } from './create-network.ts';
import { deleteSandbox } from './delete-sandbox.ts';
import { isInUse, isOnDemand, policyState, resolverView, usesResolver } from './desired.ts';
import { restoreHeldPool } from './engine-pools.ts';
import { engineEndpointsOf, leasesOf } from './engine-records.ts';
import { portOwner } from './hold-ports.ts';
import { meetHostNeeds } from './host-needs.ts';
import { driverOf, endpointsOfNetwork, endpointsOfSandbox, ipamOf, networkOf, sandboxOf } from './lookup.ts';
import type { Parts } from './parts.ts';
import { bringAbout } from './presence.ts';
import { livingProcess } from './processes.ts';
import { putNames, startResolver } from './sandbox-names.ts';

const builtins = [
  { name: 'bridge', driver: 'bridge' },
  { name: 'host', driver: 'host' },
  { name: 'none', driver: 'none' },
] as const;

/** Done once, before any door is open; `startSharedResolvers` is what is left to do. */
export async function recover(parts: Parts): Promise<void> {
  const { state } = parts.store;
  await forgetOtherBoots(parts);
  await forgetHoldingsOfNothing(parts);
  await forgetAllowancesOfNothing(parts);
  for (const network of state.networks.values()) restorePools(parts, network);
  await finishPending(parts);
  for (const id of state.enginePools.keys()) restoreHeldPool(parts, id);
  for (const network of state.networks.values()) {
    await attempt(parts, () => bringBack(parts, network));
  }
  await restorePorts(parts);
  await parts.firewall.replace(policyState(parts));
  await attempt(parts, () => meetHostNeeds(parts));
  for (const builtin of builtins) {
    const known = [...state.networks.values()].some((network) => network.name === builtin.name);
    if (!known) await createNetwork(parts, builtin, { id: randomId() as NetworkId, builtin: true });
  }
  putNames(parts, state.endpoints.values());
  await startResolvers(parts, (endpoints) => !sharesNetworks(parts, endpoints));
  await check(parts, { fix: true });
}

/**
 * The resolvers of sandboxes on networks that reach over several hosts. Questions that waited for this start are answered as soon
 * as one is open: not before the names of other hosts are known, if that can be helped.
 */
export async function startSharedResolvers(parts: Parts): Promise<void> {
  await startResolvers(parts, (endpoints) => sharesNetworks(parts, endpoints));
}

function sharesNetworks({ store }: Parts, endpoints: readonly Endpoint[]): boolean {
  return endpoints.some((endpoint) => networkOf(store.state, endpoint).shared === true);
}

/** What is there only on demand is left by a daemon that died while it removed it. */
async function bringBack(parts: Parts, network: Network): Promise<void> {
  const driver = driverOf(parts, network);
  if (!isOnDemand(parts, network)) return driver.ensureNetwork(network);
  if (isInUse(parts.store.state, network)) return bringAbout(parts, network);
  return driver.removeNetwork(network);
}

/** A reboot ended every process and namespace: their records go, networks stay. */
async function forgetOtherBoots(parts: Parts): Promise<void> {
  const { state } = parts.store;
  const isStale = ({ bootId }: { readonly bootId: string }) => bootId !== parts.bootId;
  const stale = [...state.sandboxes.values()].filter(isStale);
  const changes: Change[] = stale.flatMap((sandbox) => [
    ...endpointsOfSandbox(state, sandbox.id).map(({ id }) => ({ drop: 'endpoint' as const, id })),
    { drop: 'sandbox' as const, id: sandbox.id },
  ]);
  for (const { id } of [...state.engineEndpoints.values()].filter(isStale)) {
    changes.push({ drop: 'engineEndpoint', id });
  }
  for (const lease of [...state.engineLeases.values()].filter(isStale)) {
    if (lease.gateway !== true) changes.push({ drop: 'engineLease', id: lease.id });
  }
  if (changes.length === 0) return;
  await parts.store.commit(changes);
  for (const sandbox of stale) await parts.files.remove(sandbox);
  parts.log.info({ sandboxes: stale.length }, 'forgot the sandboxes of an earlier boot');
}

function restorePools(parts: Parts, network: Network): void {
  const ipam = ipamOf(parts, network.ipam.driver);
  const { state } = parts.store;
  const endpoints = [...endpointsOfNetwork(state, network.id), ...engineEndpointsOf(state, network)];
  const used = endpoints.flatMap(({ addresses }) => addresses.map(addressOf));
  for (const pool of network.ipam.pools) {
    const leased = leasesOf(state, pool.subnet).map(({ address }) => address);
    const inPool = used.filter((address) => contains(pool.subnet, address));
    ipam.restore(network.name, pool, [...inPool, ...leased]);
  }
}

/** What an engine holds of a network or pool that is not recorded, which damage to the records may have cost. */
async function forgetHoldingsOfNothing(parts: Parts): Promise<void> {
  const { networks, enginePools, engineLeases, engineNetworks, engineEndpoints } = parts.store.state;
  const isOfNothing = ({ networkId }: { readonly networkId: NetworkId }) => !networks.has(networkId);
  const pools = [...networks.values()].flatMap(({ ipam }) => ipam.pools);
  const subnets = new Set([...enginePools.values(), ...pools].map(({ subnet }) => subnet));
  const changes: Change[] = [
    ...[...engineNetworks.values()]
      .filter(isOfNothing)
      .map(({ id }) => ({ drop: 'engineNetwork' as const, id })),
    ...[...engineEndpoints.values()]
      .filter(isOfNothing)
      .map(({ id }) => ({ drop: 'engineEndpoint' as const, id })),
    ...[...engineLeases.values()]
      .filter(({ subnet }) => !subnets.has(subnet))
      .map(({ id }) => ({ drop: 'engineLease' as const, id })),
  ];
  if (changes.length === 0) return;
  await parts.store.commit(changes);
  parts.log.warn({ records: changes.length }, 'forgot what an engine held of networks that are not recorded');
}

/** They go with whom they are about: with a sandbox of an earlier boot, or what damage to the records cost. */
async function forgetAllowancesOfNothing(parts: Parts): Promise<void> {
  const { allowances, networks, sandboxes } = parts.store.state;
  const isRecorded = ({ network, sandbox }: Party) =>
    network === undefined ? sandboxes.has(sandbox) : networks.has(network);
  const lost = [...allowances.values()].filter(({ from, to }) => !isRecorded(from) || !isRecorded(to));
  if (lost.length === 0) return;
  await parts.store.commit(allowanceDrops(lost));
  parts.log.info({ policies: lost.length }, 'forgot policies about what is no longer there');
}

/** Whatever was being made or unmade when the last run ended is removed; so are sandboxes whose process or namespace is gone. */
async function finishPending(parts: Parts): Promise<void> {
  await repairPending(parts);
  for (const sandbox of [...parts.store.state.sandboxes.values()]) {
    if (sandbox.pending === true) continue;
    if (await hasEnded(parts, sandbox)) await attempt(parts, () => deleteSandbox(parts, sandbox));
  }
}

async function hasEnded(parts: Parts, sandbox: Sandbox): Promise<boolean> {
  const process = sandbox.autoRemove ? livingProcess(sandbox) : undefined;
  if (process !== undefined && parts.processes.startTime(process.pid) !== process.startTime) return true;
  // A namespace of somebody else's is a sandbox for as long as it is on a network: its first connect broke off.
  const unused = endpointsOfSandbox(parts.store.state, sandbox.id).length === 0;
  if (isForeign(sandbox.namespace) && unused) return true;
  return isGone(parts, sandbox);
}

/** What cannot be made or removed now is reported and keeps nothing else from starting; the check at the end looks again. */
async function attempt(parts: Parts, work: () => Promise<void>): Promise<void> {
  for (const failure of await runAll([work]))
    parts.log.warn({ reason: String(failure) }, 'could not be brought back to the records');
}

async function restorePorts(parts: Parts): Promise<void> {
  const { state } = parts.store;
  for (const endpoint of state.endpoints.values()) {
    const held = endpoint.ports.filter((port) => !isOpened(port));
    if (held.length === 0) continue;
    const sandbox = sandboxOf(state, endpoint);
    const lost = await parts.hostPorts.restore(portOwner(parts, endpoint, sandbox), held);
    for (const { hostAddress, hostPort, protocol } of lost) {
      parts.log.warn(
        { sandbox: sandbox.name, hostAddress, hostPort, protocol },
        'published port is held by another process now; ours still takes its traffic',
      );
    }
  }
}

async function startResolvers(
  parts: Parts,
  concerns: (endpoints: readonly Endpoint[]) => boolean,
): Promise<void> {
  const { state } = parts.store;
  const asking = [...state.sandboxes.values()]
    .map((sandbox) => ({ sandbox, endpoints: endpointsOfSandbox(state, sandbox.id) }))
    .filter(({ endpoints }) => usesResolver(state, endpoints) && concerns(endpoints));
  // Before the first is open: sandboxes share gateways, and questions that waited for this start are answered at once.
  for (const { sandbox, endpoints } of asking) {
    parts.names.setView(resolverView(state, sandbox, endpoints));
  }
  await Promise.all(
    asking.map(({ sandbox, endpoints }) => attempt(parts, () => startResolver(parts, sandbox, endpoints))),
  );
}
