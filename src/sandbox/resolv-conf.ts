// Contents of a sandbox's /etc/resolv.conf, see resolv.conf(5). Pure.
import { resolverAddress } from '../model/name-entry.ts';
import type { Sandbox } from '../model/sandbox.ts';

type Dns = Sandbox['dns'];

/**
 * For sandboxes with the resolver of ours. Names of one label are meant to be answered by it, so they are asked for as
 * they are before any search domain is tried (`ndots:0`).
 */
export function resolverConf(dns: Dns, hostFile: string): string {
  const options = dns.options.some((option) => option.startsWith('ndots:'))
    ? dns.options
    : [...dns.options, 'ndots:0'];
  return conf([resolverAddress], search(dns, hostFile), options);
}

/**
 * For sandboxes without: the servers given, or the host's own but those on its loopback, which are out of reach.
 */
export function ownResolvConf(dns: Dns, hostFile: string): string {
  const servers = dns.servers.length > 0 ? dns.servers : words(hostFile, 'nameserver').filter(isReachable);
  const options = dns.options.length > 0 ? dns.options : words(hostFile, 'options');
  return conf(servers, search(dns, hostFile), options);
}

/** A search domain `.` given by the user means none. */
function search(dns: Dns, hostFile: string): readonly string[] {
  if (dns.search.includes('.')) return [];
  return dns.search.length > 0 ? dns.search : lastOf(hostFile, ['search', 'domain']);
}

function conf(servers: readonly string[], search: readonly string[], options: readonly string[]): string {
  const lines = servers.map((server) => `nameserver ${server}\n`);
  if (search.length > 0) lines.push(`search ${search.join(' ')}\n`);
  if (options.length > 0) lines.push(`options ${options.join(' ')}\n`);
  return lines.join('');
}

/** What follows a keyword, on all its lines. */
function words(file: string, keyword: string): readonly string[] {
  return lines(file).flatMap(([first, ...rest]) => (first === keyword ? rest : []));
}

/** Of `search` and `domain` lines only the last one counts. */
function lastOf(file: string, keywords: readonly string[]): readonly string[] {
  const [, ...rest] = lines(file).findLast(([first = '']) => keywords.includes(first)) ?? [];
  return rest;
}

function lines(file: string): readonly (readonly string[])[] {
  return file.split('\n').map((text) =>
    text
      .replace(/[#;].*/, '')
      .split(/\s+/)
      .filter((word) => word !== ''),
  );
}

function isReachable(server: string): boolean {
  return !server.startsWith('127.') && server !== '::1';
}
