// resolv.conf, read and written: `man 5 resolv.conf`.
import { isIP } from 'node:net';

export interface ResolvConf {
  /** Addresses, IPv6 ones possibly with a zone. */
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}

/** The resolver of every sandbox. */
export const resolverAddress = '127.0.0.11';

/** Takes what glibc takes and skips what it skips: the last `search` or `domain` counts, `options` add up. */
export function parseResolvConf(text: string): ResolvConf {
  const nameservers: string[] = [];
  const options: string[] = [];
  let search: readonly string[] = [];
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'nameserver')
      nameservers.push(...values.slice(0, 1).filter((value) => isIP(value) !== 0));
    if (keyword === 'domain') search = values.slice(0, 1);
    if (keyword === 'search') search = values;
    if (keyword === 'options') options.push(...values);
  }
  return { nameservers, search, options };
}

export function formatResolvConf({ nameservers, search, options }: ResolvConf): string {
  const lines = nameservers.map((address) => `nameserver ${address}`);
  if (search.length > 0) lines.push(`search ${search.join(' ')}`);
  if (options.length > 0) lines.push(`options ${options.join(' ')}`);
  return lines.map((line) => `${line}\n`).join('');
}

/**
 * What a sandbox with our resolver gets. Search domains are its own, else the host's; a single `.` means none. Single
 * names are tried as they are (`ndots:0`) unless its options say otherwise.
 */
export function sandboxResolvConf(
  sandbox: { readonly search: readonly string[]; readonly options: readonly string[] },
  host: ResolvConf,
): ResolvConf {
  const search = sandbox.search.length > 0 ? sandbox.search : host.search;
  const options = sandbox.options.length > 0 ? sandbox.options : host.options;
  const ndots = sandbox.options.some((option) => option.startsWith('ndots:')) ? [] : ['ndots:0'];
  return {
    nameservers: [resolverAddress],
    search: search.filter((domain) => domain !== '.'),
    options: [...options.filter((option) => ndots.length === 0 || !option.startsWith('ndots:')), ...ndots],
  };
}
