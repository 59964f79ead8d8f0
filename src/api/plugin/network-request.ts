// A network as dockerd describes it, in the core's words. Errors: `invalid_parameter`, naming the field and the value.
import { addressOf, type IpAddress, parseCidr, parseInterfaceAddress, parseIp } from '../../base/cidr.ts';
import { NetError } from '../../base/errors.ts';
import type { EngineNetworkRequest } from '../../core/engine-requests.ts';
import { anyText, flag, type Maybe, maybe, open, text, textMap } from '../schema.ts';
import { isOurs } from './address-spaces.ts';
import { recordId } from './ids.ts';

type TextMap = Readonly<Record<string, string>>;

/** Those of `-o`. */
const generic = 'com.docker.network.generic';
const enableIpv4 = 'com.docker.network.enable_ipv4';
const enableIpv6 = 'com.docker.network.enable_ipv6';
const internal = 'com.docker.network.internal';

const options = maybe(
  open({
    [generic]: maybe(textMap),
    [enableIpv4]: maybe(flag),
    [enableIpv6]: maybe(flag),
    [internal]: maybe(flag),
  }),
);

const pools = maybe({
  type: 'array',
  maxItems: 64,
  items: open(
    { AddressSpace: maybe(anyText), Pool: anyText, Gateway: maybe(anyText), AuxAddresses: maybe(textMap) },
    ['Pool'],
  ),
});

export const networkId = open({ NetworkID: recordId }, ['NetworkID']);

export const createNetwork = open(
  { NetworkID: recordId, Options: options, IPv4Data: pools, IPv6Data: pools },
  ['NetworkID'],
);

/** What the manager of a swarm would ask: its ids are of another kind, and options are texts. */
export const freeNetwork = open({ NetworkID: text }, ['NetworkID']);
export const allocateNetwork = open(
  { NetworkID: text, Options: maybe(textMap), IPv4Data: pools, IPv6Data: pools },
  ['NetworkID'],
);

export const gatewayCheck = open({ Options: options });

export interface NetworkOptions {
  readonly [generic]?: Maybe<TextMap>;
  readonly [enableIpv4]?: Maybe<boolean>;
  readonly [enableIpv6]?: Maybe<boolean>;
  readonly [internal]?: Maybe<boolean>;
}

interface Pool {
  readonly AddressSpace?: Maybe<string>;
  readonly Pool: string;
  readonly Gateway?: Maybe<string>;
  readonly AuxAddresses?: Maybe<TextMap>;
}

export interface NetworkIdBody {
  readonly NetworkID: string;
}

export interface CreateNetworkBody extends NetworkIdBody {
  readonly Options?: Maybe<NetworkOptions>;
  readonly IPv4Data?: Maybe<readonly Pool[]>;
  readonly IPv6Data?: Maybe<readonly Pool[]>;
}

export interface GatewayCheckBody {
  readonly Options?: Maybe<NetworkOptions>;
}

export function parseNetwork(body: CreateNetworkBody): EngineNetworkRequest {
  const given = [...(body.IPv4Data ?? []), ...(body.IPv6Data ?? [])];
  return { id: body.NetworkID, ...parseOptions(body.Options), pools: given.map(parsePool) };
}

/** `driver` and `network` are our own; all else is the driver's. What dockerd adds beside `-o` and is not listed here means nothing to us. */
export function parseOptions(given: Maybe<NetworkOptions>): Omit<EngineNetworkRequest, 'id' | 'pools'> {
  const { driver, network, ...others } = given?.[generic] ?? {};
  return {
    ...(driver && { driver: checkDriver(driver) }),
    ...(network && { network }),
    internal: given?.[internal] ?? false,
    ipv4: given?.[enableIpv4] ?? true,
    ipv6: given?.[enableIpv6] ?? false,
    options: others,
  };
}

/** They make no interface that could be handed over. */
const withoutInterfaces = ['host', 'none', 'foreign'];

function checkDriver(driver: string): string {
  if (!withoutInterfaces.includes(driver)) return driver;
  throw new NetError(
    'invalid_parameter',
    `option driver: ${driver} makes no interface for a container; those that do are bridge, macvlan, overlay`,
  );
}

function parsePool({
  AddressSpace,
  Pool,
  Gateway,
  AuxAddresses,
}: Pool): EngineNetworkRequest['pools'][number] {
  const reserved = Object.entries(AuxAddresses ?? {}).map(
    ([name, address]) => [name, parseAddress(address, `auxiliary address ${name}`)] as const,
  );
  return {
    subnet: parseCidr(Pool, 'pool'),
    ...(Gateway && { gateway: parseAddress(Gateway, 'gateway') }),
    reserved: Object.fromEntries(reserved),
    leasedHere: isOurs(AddressSpace),
  };
}

/** With the subnet's prefix length as a rule. */
export function parseAddress(text: string, what: string): IpAddress {
  return text.includes('/') ? addressOf(parseInterfaceAddress(text, what)) : parseIp(text, what);
}
