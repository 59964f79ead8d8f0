// From the text of a request to what the core takes. Errors: `invalid_parameter`, naming the field and the value.
import { familyOf, parseCidr, parseIp } from '../../base/cidr.ts';
import { NetError } from '../../base/errors.ts';
import { parseMac } from '../../base/mac.ts';
import type { CreateNetworkRequest, EndpointConfig, PoolConfig, SandboxConfig } from '../../core/requests.ts';
import { parseExpose, parsePublish } from '../../model/publish-syntax.ts';
import type { CreateNetworkBody, EndpointBody, PoolBody, SandboxBody } from '../../model/wire.ts';

export function parseNetworkBody(body: CreateNetworkBody): CreateNetworkRequest {
  const { pools: given, ...rest } = body;
  if (given === undefined) return rest;
  const pools = given.map(parsePool);
  checkOnePerFamily(body.name, pools);
  return { ...rest, pools };
}

function checkOnePerFamily(name: string, pools: readonly PoolConfig[]): void {
  for (const family of [4, 6] as const) {
    const subnets = pools.filter(({ subnet }) => subnet !== undefined && familyOf(subnet) === family);
    if (subnets.length <= 1) continue;
    throw new NetError(
      'invalid_parameter',
      `network ${name}: ${subnets.length} IPv${family} subnets given; a network has at most 1`,
    );
  }
}

/** Takes `target` and the like away from bodies that carry more than the endpoint. */
export function parseEndpointBody(body: EndpointBody): EndpointConfig {
  const { addresses, mac, ifname, aliases, links, gatewayPriority, publishAll, options } = body;
  return {
    ...(addresses !== undefined && { addresses: addresses.map((address) => parseIp(address, 'address')) }),
    ...(mac !== undefined && { mac: parseMac(mac, 'MAC address') }),
    ...(ifname !== undefined && { ifname }),
    ...(aliases !== undefined && { aliases }),
    ...(links !== undefined && { links }),
    ...(gatewayPriority !== undefined && { gatewayPriority }),
    ...(body.ports !== undefined && { ports: body.ports.flatMap(parsePublish) }),
    ...(body.exposed !== undefined && { exposed: body.exposed.flatMap(parseExpose) }),
    ...(publishAll !== undefined && { publishAll }),
    ...(options !== undefined && { options }),
  };
}

export function parseSandboxBody(body: SandboxBody): SandboxConfig {
  const { dns, extraHosts, ...rest } = body;
  return {
    ...rest,
    ...(dns !== undefined && { dns: parseDns(dns) }),
    ...(extraHosts !== undefined && {
      extraHosts: extraHosts.map(({ name, address }) => ({
        name,
        address: parseIp(address, `host ${name}`),
      })),
    }),
  };
}

function parseDns(dns: NonNullable<SandboxBody['dns']>): NonNullable<SandboxConfig['dns']> {
  const { servers, ...rest } = dns;
  return {
    ...rest,
    ...(servers !== undefined && { servers: servers.map((server) => parseIp(server, 'name server')) }),
  };
}

function parsePool({ subnet, range, gateway, reserved }: PoolBody): PoolConfig {
  const parsed = Object.entries(reserved ?? {}).map(([name, address]) => [
    name,
    parseIp(address, `reserved address ${name}`),
  ]);
  return {
    ...(subnet !== undefined && { subnet: parseCidr(subnet, 'subnet') }),
    ...(range !== undefined && { range: parseCidr(range, 'address range') }),
    ...(gateway !== undefined && { gateway: parseIp(gateway, 'gateway') }),
    reserved: Object.fromEntries(parsed),
  };
}
