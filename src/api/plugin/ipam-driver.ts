// IpamDriver of libnetwork's remote protocol: pools, and the addresses in them.
import { addressOf } from '../../base/cidr.ts';
import { addressSpaces } from './address-spaces.ts';
import {
  type AddressBody,
  parseAddressRequest,
  parsePoolRequest,
  parseReleased,
  type ReleaseAddressBody,
  type ReleasePoolBody,
  type RequestPoolBody,
  releaseAddress,
  releasePool,
  requestAddress,
  requestPool,
} from './ipam-request.ts';
import type { AddMethod, PluginContext } from './method.ts';

export function ipamDriverMethods(add: AddMethod, context: PluginContext): void {
  // Our records outlive both daemons, so that dockerd need not ask again for what it holds when it starts.
  add('GetCapabilities', undefined, () => ({ RequiresMACAddress: false, RequiresRequestReplay: false }));
  add('GetDefaultAddressSpaces', undefined, () => ({
    LocalDefaultAddressSpace: addressSpaces.local,
    GlobalDefaultAddressSpace: addressSpaces.global,
  }));
  poolMethods(add, context);
  addressMethods(add, context);
}

function poolMethods(add: AddMethod, { engines, calls }: PluginContext): void {
  add('RequestPool', requestPool, async (body: RequestPoolBody) => {
    const request = parsePoolRequest(body);
    const { id, subnet } = await calls.run({
      // One that was late and is taken back may be the very subnet asked for next.
      subject: poolsSubject,
      work: () => engines.requestPool(request),
      undo: (pool) => engines.releasePool(pool.id),
    });
    return { PoolID: id, Pool: subnet, Data: {} };
  });
  add('ReleasePool', releasePool, async ({ PoolID }: ReleasePoolBody) => {
    await calls.run({ subject: poolsSubject, work: () => engines.releasePool(PoolID) });
    return {};
  });
}

function addressMethods(add: AddMethod, { engines, calls }: PluginContext): void {
  add('RequestAddress', requestAddress, async (body: AddressBody) => {
    const request = parseAddressRequest(body);
    const Address = await calls.run({
      subject: `pool ${request.poolId}`,
      work: () => engines.requestAddress(request),
      undo: (address) => engines.releaseAddress(request.poolId, addressOf(address)),
    });
    return { Address, Data: {} };
  });
  add('ReleaseAddress', releaseAddress, async (body: ReleaseAddressBody) => {
    const address = parseReleased(body);
    if (address === undefined) return {};
    const { PoolID } = body;
    await calls.run({
      subject: `pool ${PoolID}`,
      work: () => engines.releaseAddress(PoolID, address),
    });
    return {};
  });
}

const poolsSubject = 'the pools';
