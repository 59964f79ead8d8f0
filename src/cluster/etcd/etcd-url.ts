// Where etcd is, from the text of `--etcd`: http[s]://[user:password@]host[:port][/prefix], once for each member.
import { isIPv6 } from 'node:net';
import { NetError } from '../../base/errors.ts';

export interface EtcdAddress {
  /** A name or an address; that of IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** What the URLs say together. */
export interface EtcdPlace {
  readonly addresses: readonly EtcdAddress[];
  readonly tls: boolean;
  readonly user?: { readonly name: string; readonly password: string };
  /** Of all keys: begins with a slash, does not end with one. */
  readonly prefix: string;
}

const defaultPort = 2379;
const defaultPrefix = '/fairlead';

/** Errors: `invalid_parameter`, naming the URL without its password. */
export function parseEtcdUrls(texts: readonly string[]): EtcdPlace {
  const places = texts.map((text) => ({ text, ...parseUrl(text) }));
  const [first, ...others] = places;
  if (first === undefined) throw new NetError('invalid_parameter', 'no URL of etcd is given');
  for (const other of others) {
    const difference = differenceOf(first, other);
    if (difference === undefined) continue;
    const both = `${withoutPassword(first.text)} and ${withoutPassword(other.text)}`;
    throw new NetError('invalid_parameter', `etcd URLs ${both} differ in their ${difference}`);
  }
  const { tls, user, prefix } = first;
  const addresses = places.map(({ address }) => address);
  return { addresses: withoutRepetition(addresses), tls, prefix, ...(user && { user }) };
}

/** The address as it stands in a URL and in messages. */
export function etcdUrl({ host, port }: EtcdAddress, tls: boolean): string {
  return `${tls ? 'https' : 'http'}://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

interface ParsedUrl extends Omit<EtcdPlace, 'addresses'> {
  readonly address: EtcdAddress;
}

function parseUrl(text: string): ParsedUrl {
  // Other schemes do not have a user, a port or brackets for URL to find.
  if (!/^https?:\/\//i.test(text)) refuse(text, 'has to begin with http:// or https://');
  if (!URL.canParse(text)) refuse(text, 'is not a URL');
  const url = new URL(text);
  if (url.search !== '' || url.hash !== '') refuse(text, 'has more than a host, a port and a prefix');
  if (url.port === '0') refuse(text, 'has no port that can be reached');
  const tls = url.protocol === 'https:';
  const port = url.port === '' ? portWithoutName(text, tls) : Number(url.port);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const prefix = decoded(text, url.pathname).replace(/\/+$/, '') || defaultPrefix;
  return { address: { host, port }, tls, prefix, ...userOf(text, url) };
}

function userOf(text: string, url: URL): Pick<EtcdPlace, 'user'> {
  if (url.username === '' && url.password === '') return {};
  if (url.username === '' || url.password === '') refuse(text, 'needs a user and a password, or neither');
  return { user: { name: decoded(text, url.username), password: decoded(text, url.password) } };
}

/** URL drops the port a scheme has by itself: `:80` and `:443`, which may be meant here, look like none. */
function portWithoutName(text: string, tls: boolean): number {
  const authority = text.replace(/^\w+:\/\//, '').replace(/[/?#\\].*$/s, '');
  const isGiven = /:0*(80|443)$/.test(authority);
  if (!isGiven) return defaultPort;
  return tls ? 443 : 80;
}

function decoded(text: string, part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return refuse(text, 'has a percent sign that is no escape');
  }
}

function differenceOf(one: ParsedUrl, other: ParsedUrl): string | undefined {
  if (one.tls !== other.tls) return 'scheme';
  if (one.prefix !== other.prefix) return 'prefix';
  const sameUser = one.user?.name === other.user?.name && one.user?.password === other.user?.password;
  return sameUser ? undefined : 'user or password';
}

function withoutRepetition(addresses: readonly EtcdAddress[]): readonly EtcdAddress[] {
  return [...new Map(addresses.map((each) => [`${each.host} ${each.port}`, each])).values()];
}

function refuse(text: string, why: string): never {
  throw new NetError('invalid_parameter', `etcd URL ${withoutPassword(text)} ${why}`);
}

/** Works on what is no URL as well, and takes away rather too much. */
function withoutPassword(text: string): string {
  return text.replace(/^(\w+:\/\/)?([^:@]*):.*@/s, '$1$2:***@');
}
