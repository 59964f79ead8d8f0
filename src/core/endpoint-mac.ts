// The hardware address of an endpoint for which nobody chose one.
import { createHash } from 'node:crypto';
import { addressOf, type InterfaceAddress } from '../base/cidr.ts';
import { type MacAddress, macFromBytes } from '../base/mac.ts';
import type { EndpointId } from '../model/ids.ts';
import type { Network } from '../model/network.ts';

/**
 * On a network over several hosts it follows from the first address: each host gives few addresses, the same ones soon again, and
 * whoever asked for one before goes on for half a minute to send to the hardware address it had then. No host announces to the
 * others that it is another now, as frames to all go to none of them.
 */
export function endpointMac(
  { id: networkId, shared }: Network,
  id: EndpointId,
  addresses: readonly InterfaceAddress[],
): MacAddress {
  const [first] = addresses;
  if (!shared || first === undefined) return macFromBytes(Buffer.from(id, 'hex'));
  return macFromBytes(
    createHash('sha256')
      .update(`${networkId} ${addressOf(first)}`)
      .digest(),
  );
}
