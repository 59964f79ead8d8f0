// STATUS: whether an ADD of this configuration could succeed now.
import type { PoolStatus, RuntimeController } from '../core/runtime-requests.ts';
import type { Difference } from '../model/difference.ts';
import type { AddressPlan } from './address-plan.ts';
import { CniError, cniCode, toCniError } from './errors.ts';
import { type NetworkConfig, parseNetworkConfig } from './network-config.ts';
import { networkRequest } from './network-request.ts';
import { addressSource, planAddresses } from './plan-addresses.ts';
import type { CniRequest } from './protocol.ts';

/**
 * Errors: 50 when no ADD can succeed, 51 when containers that are there suffer as well; a configuration that is wrong by
 * itself is refused as by ADD.
 */
export async function status(core: RuntimeController, request: CniRequest): Promise<void> {
  const config = parseNetworkConfig(request);
  const name = config.network ?? config.name;
  // What another IPAM plugin would give is known only when it gives it.
  const plan = addressSource(config) === 'delegated' ? undefined : planAddresses({ ...config, ips: [] });
  const problems = await orNotAvailable(() => probe(core, config, plan));
  if (problems.length > 0) {
    const inUse = core.endpoints().some(({ networkName }) => networkName === name);
    const texts = problems.map(({ object, problem }) => `${object} ${problem}`);
    const code = inUse ? cniCode.limitedConnectivity : cniCode.notAvailable;
    throw new CniError(code, `network ${name}: ${texts.join('; ')}`);
  }
  if (plan !== undefined && isThere(core, name)) checkRoom(core, name, plan);
}

async function probe(
  core: RuntimeController,
  config: NetworkConfig,
  plan: AddressPlan | undefined,
): Promise<readonly Difference[]> {
  if (config.network !== undefined) return core.probeNetwork(config.network);
  if (plan !== undefined) return core.probeNetwork(config.name, networkRequest(config, plan));
  return isThere(core, config.name) ? core.probeNetwork(config.name) : [];
}

/** Errors: 50 naming the ranges of which no address is left. */
function checkRoom(core: RuntimeController, name: string, { endpoint, source }: AddressPlan): void {
  if (source === 'fairlead' && core.poolStatus(name).some(isFull)) {
    throw new CniError(cniCode.notAvailable, `network ${name}: no address is left`);
  }
  for (const choice of endpoint.leases ?? []) {
    if (typeof choice === 'string') continue;
    const left = choice.some((range) => !core.poolStatus(name, range).every(isFull));
    if (left) continue;
    const ranges = choice.map(({ first, last }) => `${first}-${last}`).join(', ');
    throw new CniError(cniCode.notAvailable, `network ${name}: no address is left of ${ranges}`);
  }
}

function isFull({ leased, capacity }: PoolStatus): boolean {
  return BigInt(leased) >= capacity;
}

function isThere(core: RuntimeController, name: string): boolean {
  try {
    core.network(name);
    return true;
  } catch (error) {
    if (toCniError(error).code === cniCode.notFound) return false;
    throw error;
  }
}

/** What would refuse an ADD for now, or on this host, makes the plugin not available; bad configurations stay what they are. */
async function orNotAvailable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    const error = toCniError(thrown);
    if (error.code === cniCode.badConfiguration) throw error;
    throw new CniError(cniCode.notAvailable, error.message, { cause: thrown, details: error.details });
  }
}
