// A network configuration: what it, the runtime and the container's arguments ask for, with the keys of the plugins it replaces.
import type { IpAddress } from '../base/cidr.ts';
import { isIfname } from '../base/ifname.ts';
import { type MacAddress, parseMac } from '../base/mac.ts';
import type { MacvlanMode } from '../model/attachment.ts';
import type { Shaping } from '../model/interface-settings.ts';
import type { PortRequest } from '../model/port.ts';
import { parseRequestedIp, type RequestedIp } from './cni-args.ts';
import { decodeDns, decodeResult } from './convert.ts';
import { CniError, cniCode } from './errors.ts';
import { Fields, readList, readString } from './fields.ts';
import { parsePortMappings } from './port-requests.ts';
import type { CniRequest } from './protocol.ts';
import { type CniDns, type CniResult, isEmptyDns } from './result.ts';
import { parseShaping } from './shaping.ts';
import { parseTuning, type TuningConfig } from './tuning.ts';
import { refuseUnsupported } from './unsupported.ts';
import type { CniVersion } from './versions.ts';

export type IngressPolicy = 'open' | 'same-bridge' | 'isolated';

export interface NetworkConfig {
  readonly version: CniVersion;
  readonly name: string;
  /** A network that is there already, in place of one made of this configuration. */
  readonly network?: string;
  readonly driver: 'bridge' | 'macvlan';
  readonly bridge: BridgeConfig;
  readonly macvlan: { readonly parent?: string; readonly mode?: MacvlanMode };
  /** Of the network this configuration makes; of somebody else's interface as a later element of a chain. */
  readonly mtuBytes?: number;
  readonly ingressPolicy: IngressPolicy;
  /** Those of the network's driver that have no key of their own. */
  readonly options: Readonly<Record<string, string>>;
  /** Empty when there is none. */
  readonly ipam: Fields;
  readonly dns: CniDns;
  /** In place of what IPAM would choose; none twice. */
  readonly ips: readonly RequestedIp[];
  /** Those of CNI_ARGS, for the addresses of `ips` they are in one subnet with. */
  readonly ipGateways: readonly IpAddress[];
  /** Sets of ranges a runtime adds to those of `ipam`. */
  readonly ipRanges: readonly (readonly Fields[])[];
  readonly mac?: MacAddress;
  /** Asked for by name, so refused when bad. */
  readonly aliases: readonly string[];
  readonly ports: readonly PortRequest[];
  readonly shaping?: Shaping;
  readonly tuning: TuningConfig;
  readonly prevResult?: CniResult;
  /** Of a GC. Absent when the runtime does not say which attachments are in use; empty when none is. */
  readonly validAttachments?: readonly ValidAttachment[];
  readonly disableCheck: boolean;
  readonly disableGc: boolean;
}

export interface BridgeConfig {
  readonly name: string;
  /** The host has the gateway's address, on the bridge. */
  readonly isGateway: boolean;
  /** Sandboxes route everything through it. */
  readonly isDefaultGateway: boolean;
  readonly masquerade: boolean;
  readonly hairpin: boolean;
  readonly promiscuous: boolean;
  /** Sandboxes do not reach each other. */
  readonly portIsolation: boolean;
  /** Said in so many words that frames from any MAC address may get out. */
  readonly maySpoof: boolean;
}

export interface ValidAttachment {
  readonly containerId: string;
  readonly ifname: string;
}

const policies: readonly IngressPolicy[] = ['open', 'same-bridge', 'isolated'];
const modes: readonly MacvlanMode[] = ['bridge', 'private', 'vepa', 'passthru'];

/** What the runtime says counts before `args.cni`, then CNI_ARGS, then the rest. Errors: 2, 6, 7. */
export function parseNetworkConfig(request: CniRequest): NetworkConfig {
  const { configuration, args, network: name, version } = request;
  refuseUnsupported(configuration);
  const runtime = configuration.object('runtimeConfig') ?? nothing('runtimeConfig');
  const own = configuration.object('args')?.object('cni') ?? nothing('args.cni');
  const network = configuration.text('network');
  const mac = macOf(runtime, 'mac') ?? macOf(own, 'mac') ?? args.mac ?? macOf(configuration, 'mac');
  const mtuBytes = configuration.integer('mtu', { most: 65_535 });
  const shaping = parseShaping(configuration, runtime);
  const previous = configuration.object('prevResult');
  const validAttachments = parseValidAttachments(configuration);
  const driver = parseDriver(configuration);
  return {
    version,
    name,
    ...(network !== undefined && { network }),
    driver,
    bridge: parseBridge(configuration),
    macvlan: driver === 'macvlan' ? parseMacvlan(configuration) : {},
    ...(mtuBytes !== undefined && mtuBytes !== 0 && { mtuBytes }),
    ingressPolicy: choice(configuration, 'ingressPolicy', policies) ?? 'open',
    options: Object.fromEntries(configuration.stringMap('options') ?? []),
    ipam: configuration.object('ipam') ?? nothing('ipam'),
    dns: parseDns(configuration, runtime),
    ...requestedIps(runtime, own, args),
    ipRanges: runtime.list('ipRanges', readRangeSet) ?? [],
    ...(mac !== undefined && { mac }),
    aliases: parseAliases(runtime, name),
    ports: parsePortMappings(runtime),
    ...(shaping !== undefined && { shaping }),
    tuning: parseTuning(request, own),
    ...(previous !== undefined && { prevResult: decodeResult(previous, version) }),
    ...(validAttachments !== undefined && { validAttachments }),
    disableCheck: configuration.flag('disableCheck') ?? false,
    disableGc: configuration.flag('disableGC') ?? false,
  };
}

/** Errors: 6. */
export function readRangeSet(value: unknown, path: string): readonly Fields[] {
  return readList(value, path, (item, at) => new Fields(item, at));
}

function nothing(path: string): Fields {
  return new Fields({}, path);
}

function parseDriver(configuration: Fields): 'bridge' | 'macvlan' {
  return choice(configuration, 'driver', ['bridge', 'macvlan'] as const) ?? 'bridge';
}

function parseBridge(configuration: Fields): BridgeConfig {
  const flag = (key: string) => configuration.boolean(key) ?? false;
  const [hairpin, promiscuous] = [flag('hairpinMode'), flag('promiscMode')];
  if (hairpin && promiscuous) {
    throw new CniError(cniCode.badConfiguration, 'hairpinMode and promiscMode exclude each other');
  }
  return {
    name: ifnameOf(configuration, 'bridge') ?? 'cni0',
    isGateway: flag('isGateway') || flag('isDefaultGateway'),
    isDefaultGateway: flag('isDefaultGateway'),
    masquerade: flag('ipMasq'),
    hairpin,
    promiscuous,
    portIsolation: flag('portIsolation'),
    maySpoof: configuration.boolean('macspoofchk') === false,
  };
}

function parseMacvlan(configuration: Fields): NetworkConfig['macvlan'] {
  const parent = ifnameOf(configuration, 'master');
  const mode = choice(configuration, 'mode', modes);
  return { ...(parent !== undefined && { parent }), ...(mode !== undefined && { mode }) };
}

/** The runtime's settings are one whole, as the configuration's are. */
function parseDns(configuration: Fields, runtime: Fields): CniDns {
  const keys = { nameservers: 'servers', search: 'searches' };
  const dynamic = decodeDns(runtime.object('dns'), keys);
  return isEmptyDns(dynamic) ? decodeDns(configuration.object('dns')) : dynamic;
}

/** Podman names one address twice. */
function requestedIps(
  runtime: Fields,
  own: Fields,
  args: CniRequest['args'],
): Pick<NetworkConfig, 'ips' | 'ipGateways'> {
  const lists = [readIps(runtime), readIps(own), args.ips];
  const ips = lists.find((list) => list.length > 0) ?? [];
  const first = ips.filter(({ address }, i) => ips.findIndex((ip) => ip.address === address) === i);
  return { ips: first, ipGateways: args.gateways };
}

function readIps(fields: Fields): readonly RequestedIp[] {
  return fields.list('ips', (item, path) => parseRequestedIp(readString(item, path), path)) ?? [];
}

/** A list of names, or as podman has it a map from networks to them. */
function parseAliases(runtime: Fields, network: string): readonly string[] {
  const value = runtime.value('aliases');
  if (value === undefined || Array.isArray(value)) return runtime.strings('aliases') ?? [];
  return runtime.object('aliases')?.strings(network) ?? [];
}

/** An older libcni has the older key alone; a null stands for an empty list. */
function parseValidAttachments(configuration: Fields): readonly ValidAttachment[] | undefined {
  const key = ['cni.dev/valid-attachments', 'cni.dev/attachments'].find((one) => configuration.names(one));
  if (key === undefined) return undefined;
  const read = (item: Fields) => ({
    containerId: item.string('containerID') ?? '',
    ifname: item.string('ifname') ?? '',
  });
  return configuration.objects(key, read) ?? [];
}

function macOf(fields: Fields, key: string): MacAddress | undefined {
  const text = fields.text(key);
  return text === undefined ? undefined : parseMac(text, fields.at(key));
}

function ifnameOf(fields: Fields, key: string): string | undefined {
  const name = fields.text(key);
  if (name === undefined || isIfname(name)) return name;
  throw fields.bad(key, 'an interface name (at most 15 characters, no slash, colon, percent sign or space)');
}

function choice<T extends string>(fields: Fields, key: string, choices: readonly T[]): T | undefined {
  const text = fields.text(key);
  const chosen = choices.find((one) => one === text);
  if (text === undefined || chosen !== undefined) return chosen;
  throw fields.bad(key, `one of ${choices.join(', ')}`);
}
