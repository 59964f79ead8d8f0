// From a sender to the elements that let its frames through, and back to text. Pure.
import { familyOf, fromBytes, toBytes } from '../../base/cidr.ts';
import { macBytes } from '../../base/mac.ts';
import type { Sender } from '../../model/policy.ts';
import { ifnameBytes, ifnameText } from '../nftables/key.ts';
import type { SetElement } from '../nftables/render.ts';
import { anyAddress, hardwareAddresses, ipv4Addresses, ipv6Addresses, ports } from './layout.ts';

// Keys of the sets, each a beginning of the longest:
//   offset  size     field
//   0       16       name of the port, zeros
//   16      6        hardware address
//   22      2        zeros
//   24      4 or 16  IP address
const macOffset = 16;
const addressOffset = 24;

export function elementsOf({ ifname, mac, addresses }: Sender): readonly SetElement[] {
  const name = ifnameBytes(ifname);
  const named = new Uint8Array(addressOffset);
  named.set(name);
  named.set(macBytes(mac), macOffset);
  return [
    { set: ports, key: name },
    { set: hardwareAddresses, key: named },
    ...(addresses.length === 0 ? [{ set: anyAddress, key: name }] : []),
    ...addresses.map((address) => ({
      set: familyOf(address) === 4 ? ipv4Addresses : ipv6Addresses,
      key: Uint8Array.of(...named, ...toBytes(address)),
    })),
  ];
}

/** `fv0123456789 02:42:00:00:00:01 10.0.0.2`, as far as there. */
export function elementText(key: Uint8Array): string {
  const mac = key.subarray(macOffset, macOffset + 6);
  const address = key.subarray(addressOffset);
  return [
    ifnameText(key.subarray(0, macOffset)),
    ...(mac.length > 0 ? [[...mac].map((byte) => byte.toString(16).padStart(2, '0')).join(':')] : []),
    ...(address.length > 0 ? [fromBytes(address)] : []),
  ].join(' ');
}
