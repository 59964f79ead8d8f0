// Docker's words for a network and for joining one, in those of Fairlead's own API. Errors: `invalid_parameter`, `not_implemented`.
import { NetError } from '../../base/errors.ts';
import type { CreateNetworkBody, EndpointBody, PoolBody } from '../../model/wire.ts';
import { anyText, flag, type Maybe, maybe, open, textMap, wholeNumber } from '../schema.ts';
import { optionWords } from './endpoint-options.ts';

type TextMap = Readonly<Record<string, string>>;

const word = maybe(anyText);
const words = maybe({ type: 'array', items: anyText, maxItems: 1024 });
const map = maybe(textMap);
const yesNo = maybe(flag);

const poolSchema = open({ Subnet: word, IPRange: word, Gateway: word, AuxiliaryAddresses: map });
const ipamSchema = open({
  Driver: word,
  Options: map,
  Config: maybe({ type: 'array', items: poolSchema, maxItems: 1024 }),
});

export const createBody = open(
  {
    Name: anyText,
    Driver: word,
    Scope: word,
    Internal: yesNo,
    Attachable: yesNo,
    Ingress: yesNo,
    ConfigOnly: yesNo,
    ConfigFrom: maybe(open({ Network: word })),
    EnableIPv4: yesNo,
    EnableIPv6: yesNo,
    IPAM: maybe(ipamSchema),
    Options: map,
    Labels: map,
  },
  ['Name'],
);

const endpointSchema = open({
  IPAMConfig: maybe(open({ IPv4Address: word, IPv6Address: word, LinkLocalIPs: words })),
  Links: words,
  Aliases: words,
  MacAddress: word,
  DriverOpts: map,
  GwPriority: maybe(wholeNumber),
});

export const connectBody = open({ Container: anyText, EndpointConfig: maybe(endpointSchema) }, ['Container']);

export const disconnectBody = open({ Container: anyText, Force: yesNo }, ['Container']);

interface PoolConfigBody {
  readonly Subnet?: Maybe<string>;
  readonly IPRange?: Maybe<string>;
  readonly Gateway?: Maybe<string>;
  readonly AuxiliaryAddresses?: Maybe<TextMap>;
}

export interface CreateBody {
  readonly Name: string;
  readonly Driver?: Maybe<string>;
  readonly Scope?: Maybe<string>;
  readonly Internal?: Maybe<boolean>;
  readonly Attachable?: Maybe<boolean>;
  readonly Ingress?: Maybe<boolean>;
  readonly ConfigOnly?: Maybe<boolean>;
  readonly ConfigFrom?: Maybe<{ readonly Network?: Maybe<string> }>;
  readonly EnableIPv4?: Maybe<boolean>;
  readonly EnableIPv6?: Maybe<boolean>;
  readonly IPAM?: Maybe<{
    readonly Driver?: Maybe<string>;
    readonly Options?: Maybe<TextMap>;
    readonly Config?: Maybe<readonly PoolConfigBody[]>;
  }>;
  readonly Options?: Maybe<TextMap>;
  readonly Labels?: Maybe<TextMap>;
}

export interface EndpointSettings {
  readonly IPAMConfig?: Maybe<{
    readonly IPv4Address?: Maybe<string>;
    readonly IPv6Address?: Maybe<string>;
    readonly LinkLocalIPs?: Maybe<readonly string[]>;
  }>;
  readonly Links?: Maybe<readonly string[]>;
  readonly Aliases?: Maybe<readonly string[]>;
  readonly MacAddress?: Maybe<string>;
  readonly DriverOpts?: Maybe<TextMap>;
  readonly GwPriority?: Maybe<number>;
}

export interface ConnectBody {
  readonly Container: string;
  readonly EndpointConfig?: Maybe<EndpointSettings>;
}

export interface DisconnectBody {
  readonly Container: string;
  readonly Force?: Maybe<boolean>;
}

export function networkWords(body: CreateBody): CreateNetworkBody {
  refuseSwarm(body);
  const { Driver, IPAM, EnableIPv4, EnableIPv6 } = body;
  const ipamDriver = IPAM?.Driver === 'default' ? '' : IPAM?.Driver;
  return {
    name: body.Name,
    ...(Driver && { driver: Driver === 'null' ? 'none' : Driver }),
    ...(typeof body.Internal === 'boolean' && { internal: body.Internal }),
    ...(typeof EnableIPv4 === 'boolean' && { ipv4: EnableIPv4 }),
    ...(typeof EnableIPv6 === 'boolean' && { ipv6: EnableIPv6 }),
    ...(IPAM?.Config && { pools: IPAM.Config.map(poolWords) }),
    ...(ipamDriver && { ipamDriver }),
    ...(IPAM?.Options && { ipamOptions: IPAM.Options }),
    ...(body.Options && { options: body.Options }),
    ...(body.Labels && { labels: body.Labels }),
  };
}

/** Networks over several hosts are what they are without a swarm, and anybody may be attached to them. */
function refuseSwarm(body: CreateBody): void {
  const { Name, Scope, Driver } = body;
  const isOverlay = Driver === 'overlay';
  const scope = isOverlay ? 'global' : 'local';
  if (Scope && Scope !== scope) {
    throw new NetError('not_implemented', `network ${Name}: scope ${Scope} is not available; ${scope} is`);
  }
  const asked = {
    Attachable: isOverlay ? undefined : body.Attachable,
    Ingress: body.Ingress,
    ConfigOnly: body.ConfigOnly,
    ConfigFrom: body.ConfigFrom?.Network,
  };
  const [field] = Object.entries(asked).find(([, value]) => value) ?? [];
  if (field === undefined) return;
  throw new NetError('not_implemented', `network ${Name}: ${field} is not available`);
}

function poolWords({ Subnet, IPRange, Gateway, AuxiliaryAddresses }: PoolConfigBody): PoolBody {
  return {
    ...(Subnet && { subnet: Subnet }),
    ...(IPRange && { range: IPRange }),
    ...(Gateway && { gateway: Gateway }),
    ...(AuxiliaryAddresses && { reserved: AuxiliaryAddresses }),
  };
}

export function endpointWords(settings: EndpointSettings): EndpointBody {
  const { IPAMConfig, Links, Aliases, MacAddress, DriverOpts, GwPriority } = settings;
  if (IPAMConfig?.LinkLocalIPs?.length) {
    throw new NetError(
      'not_implemented',
      `LinkLocalIPs ${IPAMConfig.LinkLocalIPs.join(', ')}: link-local addresses are not available`,
    );
  }
  const addresses = [IPAMConfig?.IPv4Address, IPAMConfig?.IPv6Address].filter((one) => one);
  return {
    ...(addresses.length > 0 && { addresses: addresses as string[] }),
    ...(Links && { links: Links.map(linkWords) }),
    ...(Aliases && { aliases: Aliases }),
    ...(MacAddress && { mac: MacAddress }),
    ...(typeof GwPriority === 'number' && { gatewayPriority: GwPriority }),
    ...optionWords(DriverOpts ?? {}),
  };
}

/** `NAME` is known as itself. */
function linkWords(link: string) {
  const [target = '', alias = target] = link.split(':');
  return { target, alias };
}
