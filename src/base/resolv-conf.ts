// What a resolv.conf says, see resolv.conf(5).
import { isIP } from 'node:net';
import { parseIp } from './cidr.ts';

export interface ResolvConf {
  readonly nameservers?: readonly string[];
  readonly domain?: string;
  readonly search?: readonly string[];
  readonly options?: readonly string[];
}

/** Lists are left out when they are empty. Of several search or domain lines the last counts, as in glibc. */
export function parseResolvConf(file: string): ResolvConf {
  const nameservers = nameserversOf(file);
  const domain = valuesOf(file, 'domain').at(-1)?.[0];
  const search = valuesOf(file, 'search').at(-1) ?? [];
  const options = valuesOf(file, 'options').flat();
  return {
    ...(nameservers.length > 0 && { nameservers }),
    ...(domain !== undefined && { domain }),
    ...(search.length > 0 && { search }),
    ...(options.length > 0 && { options }),
  };
}

/**
 * In the order of the file and in canonical text; IPv6 addresses may have a zone (`fe80::1%eth0`). What is no address is
 * skipped, as glibc does.
 */
export function nameserversOf(file: string): readonly string[] {
  return valuesOf(file, 'nameserver')
    .map(([address = '']) => address)
    .filter((address) => isIP(address) !== 0)
    .map(canonical);
}

/** The words after the keyword, of each line that begins with it. */
function valuesOf(file: string, keyword: string): readonly (readonly string[])[] {
  return file
    .split('\n')
    .map((line) =>
      line
        .replace(/[#;].*/, '')
        .trim()
        .split(/\s+/),
    )
    .filter(([first]) => first === keyword)
    .map(([, ...words]) => words);
}

function canonical(text: string): string {
  const [address = '', ...zone] = text.split('%');
  return [parseIp(address, 'nameserver'), ...zone].join('%');
}
