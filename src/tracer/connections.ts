// Connections that began before the question was asked, as the host's connection tracking knows them.
import { familyOf, type IpAddress } from '../base/cidr.ts';
import { listConntrack } from '../kernel/conntrack/client.ts';
import { NetlinkError } from '../kernel/netlink/error.ts';
import { type Packet, protocolNumber } from './packet.ts';

/** Who answers those that are open from the packet's source to its destination; one member for each connection. */
export async function openConnections(packet: Packet): Promise<readonly IpAddress[]> {
  const { source, destination, destinationPort } = packet;
  // An echo is over with its answer.
  if (destinationPort === undefined) return [];
  try {
    const entries = await listConntrack({
      family: familyOf(destination),
      protocol: protocolNumber(packet),
      originalDestination: destination,
      originalDestinationPort: destinationPort,
    });
    return entries
      .filter(({ isOpen, original }) => isOpen && original.source === source)
      .map(({ reply }) => reply.source);
  } catch (error) {
    // A kernel without connection tracking knows of none.
    if (error instanceof NetlinkError) return [];
    throw error;
  }
}
