// The nameservers of a resolv.conf, see resolv.conf(5).
import { isIP } from 'node:net';
import { parseIp } from '../base/cidr.ts';

/**
 * In the order of the file and in canonical text; IPv6 addresses may have a zone (`fe80::1%eth0`). What is no address is
 * skipped, as glibc does.
 */
export function nameserversOf(file: string): readonly string[] {
  return file
    .split('\n')
    .map((line) =>
      line
        .replace(/[#;].*/, '')
        .trim()
        .split(/\s+/),
    )
    .filter(([keyword, address = '']) => keyword === 'nameserver' && isIP(address) !== 0)
    .map(([, address = '']) => canonical(address));
}

function canonical(text: string): string {
  const [address = '', ...zone] = text.split('%');
  return [parseIp(address, 'nameserver'), ...zone].join('%');
}
