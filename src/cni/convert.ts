// Results as JSON, in every version of the specification, both ways.
import {
  type Cidr,
  familyOf,
  type IpAddress,
  type IpFamily,
  parseInterfaceAddress,
  parseIp,
  subnetOf,
} from '../base/cidr.ts';
import { CniError, cniCode } from './errors.ts';
import type { Fields } from './fields.ts';
import {
  type CniDns,
  type CniInterface,
  type CniIp,
  type CniResult,
  type CniRoute,
  isEmptyDns,
} from './result.ts';
import { type CniVersion, isAtLeast, parseVersion } from './versions.ts';

type Json = string | number | undefined | readonly Json[] | { readonly [key: string]: Json };

/** The document as a plugin prints it. Errors: 1 where the version cannot say it. */
export function printResult(result: CniResult, version: CniVersion): string {
  return JSON.stringify(encodeResult(result, version), null, 4);
}

/**
 * DNS settings are always there before 1.1.0, be they empty. Errors: 1 when there is no address, and the version knows
 * interfaces by their addresses alone.
 */
export function encodeResult(result: CniResult, version: CniVersion): Json {
  const shape = isAtLeast(version, '0.3.0') ? encodeLists(result, version) : encodeFamilies(result, version);
  const dns = isEmptyDns(result.dns) && isAtLeast(version, '1.1.0') ? undefined : { ...result.dns };
  return tidy({ cniVersion: version, ...shape, dns });
}

/** The error where a result has no address and its version cannot say so. */
export function withoutAddresses(version: CniVersion): CniError {
  return new CniError(
    cniCode.incompatibleVersion,
    `incompatible CNI version: a result of ${version} cannot be without addresses`,
    { details: 'use cniVersion 0.3.0 or later, or an ipam that gives addresses' },
  );
}

/**
 * A result of any version.
 * @param fallback the version of one that names none: that of the configuration it comes with.
 * Errors: 1 for a version there is not; 6, 7.
 */
export function decodeResult(fields: Fields, fallback: CniVersion): CniResult {
  const named = fields.text('cniVersion');
  const version = named === undefined ? fallback : parseVersion(named, fields.at('cniVersion'));
  const dns = decodeDns(fields.object('dns'));
  if (!isAtLeast(version, '0.3.0')) return { interfaces: [], ...decodeFamilies(fields), dns };
  return {
    interfaces: fields.objects('interfaces', decodeInterface) ?? [],
    ips: fields.objects('ips', decodeIp) ?? [],
    routes: decodeRoutes(fields, 'routes'),
    dns,
  };
}

/** The capability of a runtime has other keys than the configuration. */
export function decodeDns(
  fields: Fields | undefined,
  keys = { nameservers: 'nameservers', search: 'search' },
): CniDns {
  const nameservers = fields?.strings(keys.nameservers) ?? [];
  const domain = fields?.text('domain');
  const search = fields?.strings(keys.search) ?? [];
  const options = fields?.strings('options') ?? [];
  return {
    ...(nameservers.length > 0 && { nameservers }),
    ...(domain !== undefined && { domain }),
    ...(search.length > 0 && { search }),
    ...(options.length > 0 && { options }),
  };
}

export function decodeRoutes(fields: Fields, key: string): readonly CniRoute[] {
  return fields.objects(key, decodeRoute) ?? [];
}

/** An address member; an empty one is none. */
export function decodeAddress(fields: Fields, key: string): IpAddress | undefined {
  const text = fields.text(key);
  return text === undefined ? undefined : parseIp(text, fields.at(key));
}

function encodeLists({ interfaces, ips, routes }: CniResult, version: CniVersion): Record<string, Json> {
  const newest = isAtLeast(version, '1.1.0');
  return {
    interfaces: interfaces.map((one) => encodeInterface(one, newest)),
    ips: ips.map(({ address, gateway, interface: index }) => ({
      address,
      gateway,
      interface: index,
      version: isAtLeast(version, '1.0.0') ? undefined : String(familyOf(address)),
    })),
    routes: routes.map((route) => (newest ? { ...route } : { dst: route.dst, gw: route.gw })),
  };
}

function encodeInterface(
  { name, mac, sandbox, mtu, socketPath, pciID }: CniInterface,
  newest: boolean,
): Json {
  return { name, mac, sandbox, ...(newest && { mtu, socketPath, pciID }) };
}

/** Before 0.3.0 there is one address of each family, with its routes; of several the first counts. */
function encodeFamilies(result: CniResult, version: CniVersion): Record<string, Json> {
  if (result.ips.length === 0) throw withoutAddresses(version);
  return { ip4: encodeFamily(result, 4), ip6: encodeFamily(result, 6) };
}

function encodeFamily({ ips, routes }: CniResult, family: IpFamily): Json {
  const ip = ips.find(({ address }) => familyOf(address) === family);
  if (ip === undefined) return undefined;
  const own = routes.filter(({ dst }) => familyOf(dst) === family).map(({ dst, gw }) => ({ dst, gw }));
  return { ip: ip.address, gateway: ip.gateway, routes: own };
}

/** Without empty texts and lists, keys in alphabetical order, as the reference prints them. */
function tidy(value: Json): Json {
  if (Array.isArray(value)) return value.map(tidy);
  if (typeof value !== 'object') return value;
  const members = Object.entries(value)
    .filter(
      ([, member]) =>
        member !== undefined && member !== '' && !(Array.isArray(member) && member.length === 0),
    )
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members.map(([key, member]) => [key, tidy(member)]));
}

function decodeFamilies(fields: Fields): Pick<CniResult, 'ips' | 'routes'> {
  const families = ['ip4', 'ip6'].map((key) => fields.object(key)).filter((one) => one !== undefined);
  return {
    ips: families.map((one) => ({ address: requiredAddress(one, 'ip'), ...gatewayOf(one) })),
    routes: families.flatMap((one) => decodeRoutes(one, 'routes')),
  };
}

function decodeInterface(fields: Fields): CniInterface {
  const mac = fields.text('mac');
  const mtu = fields.integer('mtu');
  const sandbox = fields.text('sandbox');
  const socketPath = fields.text('socketPath');
  const pciID = fields.text('pciID');
  return {
    name: fields.string('name') ?? '',
    ...(mac !== undefined && { mac }),
    ...(mtu !== undefined && mtu !== 0 && { mtu }),
    ...(sandbox !== undefined && { sandbox }),
    ...(socketPath !== undefined && { socketPath }),
    ...(pciID !== undefined && { pciID }),
  };
}

function decodeIp(fields: Fields): CniIp {
  const index = fields.integer('interface', { least: -1 });
  return {
    address: requiredAddress(fields, 'address'),
    ...gatewayOf(fields),
    ...(index !== undefined && { interface: index }),
  };
}

function decodeRoute(fields: Fields): CniRoute {
  const gw = decodeAddress(fields, 'gw');
  const table = fields.integer('table', { most: 0xffff_ffff });
  const scope = fields.integer('scope', { most: 255 });
  return {
    dst: destinationOf(fields),
    ...(gw !== undefined && { gw }),
    ...nonZero(fields, 'mtu'),
    ...nonZero(fields, 'advmss'),
    ...nonZero(fields, 'priority'),
    ...(table !== undefined && { table }),
    ...(scope !== undefined && { scope }),
  };
}

function nonZero(fields: Fields, key: 'mtu' | 'advmss' | 'priority'): Partial<CniRoute> {
  const value = fields.integer(key, { most: 0xffff_ffff });
  return value === undefined || value === 0 ? {} : { [key]: value };
}

function destinationOf(fields: Fields): Cidr {
  return subnetOf(requiredAddress(fields, 'dst'));
}

function requiredAddress(fields: Fields, key: string) {
  const text = fields.text(key);
  if (text === undefined) throw new CniError(cniCode.badConfiguration, `${fields.at(key)} is missing`);
  return parseInterfaceAddress(text, fields.at(key));
}

function gatewayOf(fields: Fields): { readonly gateway?: IpAddress } {
  const gateway = decodeAddress(fields, 'gateway');
  return gateway === undefined ? {} : { gateway };
}
