// Pools and addresses as dockerd asks for them, in the core's words. Errors: `invalid_parameter`.
import { type Cidr, familyOf, type IpAddress, parseCidr, prefixOf } from '../../base/cidr.ts';
import { NetError } from '../../base/errors.ts';
import type { EngineAddressRequest, EnginePoolRequest } from '../../core/engine-requests.ts';
import { anyText, flag, type Maybe, maybe, open, textMap } from '../schema.ts';
import { addressSpaces, isOurs } from './address-spaces.ts';
import { poolId } from './ids.ts';
import { parseAddress } from './network-request.ts';

type TextMap = Readonly<Record<string, string>>;

const addressType = 'RequestAddressType';
const gatewayType = 'com.docker.network.gateway';
const endpointName = 'com.docker.network.endpoint.name';

const word = maybe(anyText);

export const requestPool = open(
  { AddressSpace: anyText, Pool: word, SubPool: word, Options: maybe(textMap), V6: maybe(flag) },
  ['AddressSpace'],
);
export const releasePool = open({ PoolID: poolId }, ['PoolID']);
export const requestAddress = open({ PoolID: poolId, Address: word, Options: maybe(textMap) }, ['PoolID']);
export const releaseAddress = open({ PoolID: poolId, Address: word }, ['PoolID']);

export interface RequestPoolBody {
  readonly AddressSpace: string;
  readonly Pool?: Maybe<string>;
  readonly SubPool?: Maybe<string>;
  readonly Options?: Maybe<TextMap>;
  readonly V6?: Maybe<boolean>;
}

export interface ReleasePoolBody {
  readonly PoolID: string;
}

export interface AddressBody {
  readonly PoolID: string;
  readonly Address?: Maybe<string>;
  readonly Options?: Maybe<TextMap>;
}

export type ReleaseAddressBody = Omit<AddressBody, 'Options'>;

export function parsePoolRequest(body: RequestPoolBody): EnginePoolRequest {
  const { AddressSpace, Pool, SubPool, Options, V6 } = body;
  if (!isOurs(AddressSpace)) {
    const known = Object.values(addressSpaces).join(', ');
    throw new NetError('invalid_parameter', `unknown address space ${AddressSpace}; known are ${known}`);
  }
  if (SubPool && !Pool) {
    throw new NetError(
      'invalid_parameter',
      `address range ${SubPool} without a subnet: give --subnet as well`,
    );
  }
  const family = V6 ? 6 : 4;
  const subnet = Pool ? parseSubnet(Pool) : undefined;
  const range = SubPool ? parseCidr(SubPool, 'address range') : undefined;
  const other = [subnet, range].find((given) => given !== undefined && familyOf(given) !== family);
  if (other !== undefined) {
    throw new NetError('invalid_parameter', `subnet ${other} is not IPv${family}, which is asked for`);
  }
  return { family, ...(subnet && { subnet }), ...(range && { range }), options: Options ?? {} };
}

/** Newer versions of Docker mean by the address 0.0.0.0 or :: any subnet of that size. */
function parseSubnet(text: string): Cidr {
  const subnet = parseCidr(text, 'subnet');
  if (!/^(0\.0\.0\.0|::)\//.test(subnet)) return subnet;
  throw new NetError(
    'invalid_parameter',
    `subnet ${text}: a subnet of a certain size (here ${prefixOf(subnet)}) cannot be asked for; ` +
      'give a subnet, or none for one of the size that netd was started with (--pool)',
  );
}

export function parseAddressRequest({ PoolID, Address, Options }: AddressBody): EngineAddressRequest {
  const containerName = Options?.[endpointName];
  return {
    poolId: PoolID,
    ...(Address && { address: parseAddress(Address, 'address') }),
    gateway: Options?.[addressType] === gatewayType,
    ...(containerName && { containerName }),
  };
}

/** Undefined when dockerd had none. */
export function parseReleased({ Address }: ReleaseAddressBody): IpAddress | undefined {
  return Address ? parseAddress(Address, 'address') : undefined;
}
