// The settings of a cluster of hosts: how they are called, and what is allowed together.
import { type Cidr, contains, type IpAddress, parseIp } from '../base/cidr.ts';
import type { Option } from '../base/command-line.ts';
import { NetError } from '../base/errors.ts';
import { parseEtcdUrls } from '../cluster/etcd/etcd-url.ts';

/** What netd was told; what it was not is decided when the cluster is joined. */
export interface ClusterConfig {
  /** As they were written, with user and password. */
  readonly urls: readonly string[];
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly advertise?: IpAddress;
  readonly leaseSeconds?: number;
  readonly graceSeconds?: number;
}

/** Unspecified, loopback, multicast and broadcast; of IPv6 also link-local, which says nothing without a link. */
const unreachable = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '224.0.0.0/4',
  '255.255.255.255/32',
  '::/127',
  'fe80::/10',
  'ff00::/8',
];

export const usualTimes = { leaseSeconds: 30, graceSeconds: 86_400 };

const lease = { least: 5, most: 300, usual: usualTimes.leaseSeconds };
const grace = { most: 604_800, usual: usualTimes.graceSeconds };

export const clusterOptions = {
  etcd: {
    kind: 'list',
    value: 'URL',
    help: 'store of networks over several hosts, http[s]://[USER:PASSWORD@]HOST[:PORT][/PREFIX]',
  },
  'etcd-ca': { kind: 'value', value: 'FILE', help: "certificates its own is checked by (the system's)" },
  'etcd-cert': { kind: 'value', value: 'FILE', help: 'certificate to show it' },
  'etcd-key': { kind: 'value', value: 'FILE', help: 'key of that certificate' },
  advertise: {
    kind: 'value',
    value: 'ADDR',
    help: 'address other hosts send to (the one this host has towards etcd)',
  },
  'cluster-lease': {
    kind: 'value',
    value: 'SECONDS',
    help: `others hold a silent host for alive so long (${lease.usual})`,
  },
  'cluster-grace': {
    kind: 'value',
    value: 'SECONDS',
    help: `and keep its addresses for so long after that (${grace.usual})`,
  },
} as const satisfies Readonly<Record<string, Option>>;

/** Undefined when there is no cluster. Errors: `invalid_parameter` naming the flag. */
export function readClusterConfig(values: ReadonlyMap<string, readonly string[]>): ClusterConfig | undefined {
  const urls = values.get('etcd') ?? [];
  if (urls.length === 0) {
    const useless = Object.keys(clusterOptions).find((flag) => flag !== 'etcd' && values.has(flag));
    if (useless === undefined) return undefined;
    throw new NetError('invalid_parameter', `--${useless} is of use with --etcd URL alone`);
  }
  const certificates = readCertificates(values, parseEtcdUrls(urls).tls);
  const advertise = values.get('advertise')?.[0];
  return {
    urls,
    ...certificates,
    ...(advertise !== undefined && { advertise: parseAdvertised(advertise) }),
    ...readTimes(values),
  };
}

function parseAdvertised(text: string): IpAddress {
  const address = parseIp(text, '--advertise');
  const range = unreachable.find((cidr) => contains(cidr as Cidr, address));
  if (range === undefined) return address;
  throw new NetError(
    'invalid_parameter',
    `--advertise: ${address} is in ${range}, where no other host can send to`,
  );
}

function readCertificates(values: ReadonlyMap<string, readonly string[]>, tls: boolean) {
  const names = ['ca', 'cert', 'key'] as const;
  const files: { [Name in (typeof names)[number]]?: string } = {};
  for (const name of names) {
    const path = values.get(`etcd-${name}`)?.[0];
    if (path === undefined) continue;
    if (!path.startsWith('/')) {
      throw new NetError('invalid_parameter', `--etcd-${name}: ${path} is not an absolute path`);
    }
    if (!tls) throw new NetError('invalid_parameter', `--etcd-${name} is of use with https://… alone`);
    files[name] = path;
  }
  if ((files.cert === undefined) !== (files.key === undefined)) {
    const [there, missing] = files.key === undefined ? ['cert', 'key'] : ['key', 'cert'];
    throw new NetError('invalid_parameter', `--etcd-${there} is of use with --etcd-${missing} alone`);
  }
  return files;
}

function readTimes(values: ReadonlyMap<string, readonly string[]>) {
  const leaseSeconds = seconds('cluster-lease', values, lease);
  const least = leaseSeconds ?? lease.usual;
  const graceSeconds = seconds('cluster-grace', values, { least, most: grace.most });
  return {
    ...(leaseSeconds !== undefined && { leaseSeconds }),
    ...(graceSeconds !== undefined && { graceSeconds }),
  };
}

function seconds(
  flag: string,
  values: ReadonlyMap<string, readonly string[]>,
  { least, most }: { readonly least: number; readonly most: number },
): number | undefined {
  const text = values.get(flag)?.[0];
  if (text === undefined) return undefined;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  const range = `${least} to ${most}`;
  const why = flag === 'cluster-grace' ? ', no less than the lease' : '';
  throw new NetError('invalid_parameter', `--${flag}: ${text} is no number of seconds from ${range}${why}`);
}
