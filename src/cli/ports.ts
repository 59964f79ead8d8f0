// Published ports as the command line shows them.
import { addressOf, type Cidr, familyOf } from '../base/cidr.ts';
import { isOpened, type PublishedPort } from '../model/port.ts';
import { targetOf } from '../model/port-target.ts';
import type { EndpointView } from '../model/view.ts';

/** With the endpoint's address it leads to. */
export interface ShownPort extends Pick<PublishedPort, 'port' | 'hostAddress' | 'hostPort' | 'from'> {
  readonly address: string;
}

/** Those that lead to no address of the endpoint are left out. */
export function shownPorts({ addresses, ports }: EndpointView): readonly (ShownPort & PublishedPort)[] {
  return ports.flatMap((port) => {
    const address = targetOf(port.hostAddress, addresses);
    return address === undefined ? [] : [{ ...port, address: addressOf(address) }];
  });
}

/** `80/tcp -> 0.0.0.0:8080`, and who may use it where not everybody may: `from 10.0.0.0/8, 192.0.2.7`. */
export function formatPort(port: ShownPort & Pick<PublishedPort, 'protocol'>): string {
  return `${port.port}/${port.protocol} -> ${formatReach(port)}${formatAskers(port)}`;
}

function formatAskers({ from }: ShownPort): string {
  if (from === undefined) return '';
  return ` from ${from.map(formatSubnet).join(', ') || 'nobody'}`;
}

/** A subnet of one address as that address. */
export function formatSubnet(subnet: Cidr): string {
  return subnet.replace(familyOf(subnet) === 4 ? /\/32$/ : /\/128$/, '');
}

/** Where it is reached: `0.0.0.0:8080`, an IPv6 address in brackets; one that is opened at the endpoint itself. */
export function formatReach(port: ShownPort): string {
  const { hostAddress, hostPort, address } = port;
  const [where, number] = isOpened(port) ? [address, port.port] : [hostAddress, hostPort];
  return `${where.includes(':') ? `[${where}]` : where}:${number}`;
}
