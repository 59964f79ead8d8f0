// Giving back in Docker's place what it has forgotten.
import type { Log } from '../base/log.ts';
import type { EngineController, EngineHoldings } from '../core/engine-requests.ts';
import type { EngineEndpoint, EngineLease } from '../model/engine.ts';
import { shortId } from '../model/ids.ts';
import { isLeaseOf } from './forgotten.ts';

/** In Docker's order, endpoints before their networks. What fails is logged; the next comparison finds it again. */
export async function giveBack(
  engines: EngineController,
  forgotten: EngineHoldings,
  log: Log,
): Promise<void> {
  const attempt = async (what: Readonly<Record<string, string>>, work: () => Promise<void>) => {
    try {
      await work();
      log.warn(what, 'given back, as Docker does not know it any more');
    } catch (error) {
      log.warn({ ...what, reason: String(error) }, 'cannot give back what Docker does not know any more');
    }
  };
  for (const endpoint of forgotten.endpoints) {
    const what = { endpoint: shortId(endpoint.id), network: shortId(endpoint.networkId) };
    await attempt(what, () => giveBackEndpoint(engines, endpoint));
  }
  for (const lease of forgotten.leases) {
    await attempt({ address: lease.address, subnet: lease.subnet }, () => release(engines, lease));
  }
  for (const { id } of forgotten.networks) {
    await attempt({ network: shortId(id) }, () => engines.deleteNetwork(id));
  }
  for (const { id, subnet } of forgotten.pools) {
    await attempt({ pool: subnet }, () => engines.releasePool(id));
  }
}

async function giveBackEndpoint(engines: EngineController, endpoint: EngineEndpoint): Promise<void> {
  const leases = engines.holdings().leases.filter((lease) => isLeaseOf(endpoint, lease));
  await engines.unpublish(endpoint.id);
  await engines.leave(endpoint.id);
  await engines.deleteEndpoint(endpoint.id);
  for (const lease of leases) await release(engines, lease);
}

/** The id of a lease is that of its pool, one character, and the address. */
function release(engines: EngineController, { id, address }: EngineLease): Promise<void> {
  return engines.releaseAddress(id.slice(0, -(address.length + 1)), address);
}
