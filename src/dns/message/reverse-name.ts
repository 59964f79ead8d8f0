// The names addresses have in the reverse trees: in-addr.arpa (RFC 1035 section 3.5) and ip6.arpa (RFC 3596 section 2.5).
import { fromBytes, type IpAddress } from '../../base/cidr.ts';

const ipv4Form = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa$/;
const ipv6Form = /^((?:[0-9a-f]\.){32})ip6\.arpa$/;

/** The address a lower-case reverse name stands for, or undefined. */
export function addressOfReverseName(name: string): IpAddress | undefined {
  if (!name.endsWith('.arpa')) return undefined;
  const ipv4 = ipv4Form.exec(name);
  if (ipv4 !== null) {
    const bytes = ipv4.slice(1).reverse().map(Number);
    return bytes.every((byte) => byte <= 255) ? fromBytes(Uint8Array.from(bytes)) : undefined;
  }
  const nibbles = ipv6Form.exec(name)?.[1]?.replaceAll('.', '');
  if (nibbles === undefined) return undefined;
  return fromBytes(Buffer.from([...nibbles].reverse().join(''), 'hex'));
}
