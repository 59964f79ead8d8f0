// net create: a network.
import { contains, familyOf, type IpAddress, type IpFamily, parseCidr, parseIp } from '../../base/cidr.ts';
import { keyValues, labelValues } from '../../model/flag-values.ts';
import type { PoolBody } from '../../model/wire.ts';
import { defineVerb } from '../verb.ts';

export const create = defineVerb(
  {
    name: 'net create',
    summary: 'Create a network and print its id.',
    operands: ['NAME'],
    options: {
      driver: { kind: 'value', short: 'd', value: 'DRIVER', help: 'bridge (default), macvlan or overlay' },
      subnet: { kind: 'list', value: 'CIDR', help: 'subnet, one per family (default: a free one)' },
      'ip-range': { kind: 'list', value: 'CIDR', help: 'part of a subnet to give addresses from' },
      gateway: { kind: 'list', value: 'IP', help: "the subnet's gateway (default: its first address)" },
      'aux-address': { kind: 'list', value: 'K=IP', help: 'address to keep out of use' },
      ipv6: { kind: 'flag', help: 'give IPv6 addresses' },
      'no-ipv4': { kind: 'flag', help: 'give no IPv4 addresses' },
      internal: { kind: 'flag', help: 'no way out of the network, nor in' },
      mtu: { kind: 'value', value: 'N', help: 'MTU of its interfaces in bytes' },
      opt: { kind: 'list', short: 'o', value: 'KEY=VALUE', help: 'driver option' },
      label: { kind: 'list', value: 'K=V', help: 'label of the network' },
      'ipam-opt': { kind: 'list', value: 'K=V', help: 'IPAM option' },
    },
  },
  async ({ options, operands: [name] }, { client, write }) => {
    const pools = choosePools({
      subnets: options.subnet,
      ranges: options['ip-range'],
      gateways: options.gateway,
      reserved: keyValues(options['aux-address'], '--aux-address'),
    });
    const network = await client.createNetwork({
      name,
      ...(options.driver !== undefined && { driver: options.driver }),
      ...(options.internal !== undefined && { internal: options.internal }),
      ...(options.ipv6 !== undefined && { ipv6: options.ipv6 }),
      ...(options['no-ipv4'] !== undefined && { ipv4: !options['no-ipv4'] }),
      pools,
      options: {
        ...keyValues(options.opt, '--opt'),
        ...(options.mtu !== undefined && { mtu: options.mtu }),
      },
      labels: labelValues(options.label),
      ipamOptions: keyValues(options['ipam-opt'], '--ipam-opt'),
    });
    await write(`${network.id}\n`);
  },
);

interface PoolFlags {
  readonly subnets: readonly string[];
  readonly ranges: readonly string[];
  readonly gateways: readonly string[];
  readonly reserved: Readonly<Record<string, string>>;
}

/** The pool a flag is about: one whose subnet holds the address, else one of its family. Errors: `invalid_parameter`. */
export function choosePools(flags: PoolFlags): readonly PoolBody[] {
  const pools: (PoolBody & { readonly family: IpFamily })[] = flags.subnets.map((subnet) => ({
    family: familyOf(subnet),
    subnet,
  }));
  const amend = (address: IpAddress, change: (pool: PoolBody) => PoolBody) => {
    const family = familyOf(address);
    const holds = (pool: PoolBody) =>
      pool.subnet !== undefined && contains(parseCidr(pool.subnet, 'subnet'), address);
    const pool = pools.find(holds) ?? pools.find((one) => one.family === family);
    const changed = { ...change(pool ?? {}), family };
    if (pool === undefined) pools.push(changed);
    else pools[pools.indexOf(pool)] = changed;
  };
  for (const range of flags.ranges) {
    const first = parseIp(range.split('/', 1)[0] ?? '', 'address range');
    amend(first, (pool) => ({ ...pool, range }));
  }
  for (const gateway of flags.gateways) {
    amend(parseIp(gateway, 'gateway'), (pool) => ({ ...pool, gateway }));
  }
  for (const [name, address] of Object.entries(flags.reserved)) {
    amend(parseIp(address, `reserved address ${name}`), (pool) => ({
      ...pool,
      reserved: { ...pool.reserved, [name]: address },
    }));
  }
  return pools.map(({ family: _, ...pool }) => pool);
}
