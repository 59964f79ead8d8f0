// Hardware addresses: 48 bits, canonical text is lower case with colons.
import { NetError } from './errors.ts';

declare const brand: unique symbol;
export type MacAddress = string & { readonly [brand]: 'MacAddress' };

/** Parses `aa:bb:cc:dd:ee:ff` (or with dashes). Errors: `invalid_parameter`, also for multicast and all-zero addresses. */
export function parseMac(text: string, what: string): MacAddress {
  const mac = text.toLowerCase().replaceAll('-', ':');
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac)) {
    throw new NetError('invalid_parameter', `${what}: ${text} is not a MAC address`);
  }
  if ((Number.parseInt(mac.slice(0, 2), 16) & 1) === 1 || mac === '00:00:00:00:00:00') {
    throw new NetError('invalid_parameter', `${what}: ${text} is not a unicast MAC address`);
  }
  return mac as MacAddress;
}

/** Makes a locally administered unicast address of the first six of some (random or hashed) bytes. */
export function macFromBytes(bytes: Uint8Array): MacAddress {
  const six = [...bytes.subarray(0, 6)];
  six[0] = ((six[0] ?? 0) & 0xfc) | 0x02;
  return six.map((byte) => byte.toString(16).padStart(2, '0')).join(':') as MacAddress;
}

/** The six bytes in wire order. */
export function macBytes(mac: MacAddress): Uint8Array {
  return Uint8Array.from(mac.split(':'), (byte) => Number.parseInt(byte, 16));
}
