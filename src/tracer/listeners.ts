// Which sockets of a namespace wait for packets, as /proc/net tells (Documentation/networking/proc_net_tcp.rst).
import { fromBytes, type IpAddress, parseIp } from '../base/cidr.ts';
import type { Protocol } from '../model/port.ts';
import type { Place } from './place.ts';

export interface Listener {
  readonly address: IpAddress;
  readonly port: number;
}

const files = { tcp: ['tcp', 'tcp6'], udp: ['udp', 'udp6'], sctp: ['sctp/eps'] } as const;
/** TCP_LISTEN; sockets of UDP that are not connected are in TCP_CLOSE (include/net/tcp_states.h). */
const waiting = { tcp: '0A', udp: '07' } as const;

/** Of any address, at one port. An IPv6 wildcard stands for IPv4 as well, unless the socket was told otherwise. */
export async function listenersAt(
  place: Place,
  protocol: Protocol,
  port: number,
): Promise<readonly Listener[]> {
  if (protocol === 'sctp') return sctpListeners(await place.netFile('sctp/eps'), port);
  const texts = await Promise.all(files[protocol].map((file) => place.netFile(file)));
  return texts.flatMap((text) => parseSockets(text, waiting[protocol]).filter((one) => one.port === port));
}

/** Whether a packet to the address meets the socket. */
export function serves({ address }: Listener, destination: IpAddress): boolean {
  if (address === destination || address === '::') return true;
  return address === '0.0.0.0' && !destination.includes(':');
}

/** Lines of `sl local_address rem_address st …`: addresses as 32-bit words in the machine's order, ports in hexadecimal. */
export function parseSockets(text: string, state: string): readonly Listener[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, local = '', , found] = line.trim().split(/\s+/);
      const [address = '', port = ''] = local.split(':');
      return found === state ? [{ address: decodeAddress(address), port: Number.parseInt(port, 16) }] : [];
    });
}

function decodeAddress(hex: string): IpAddress {
  const bytes = Buffer.from(hex, 'hex');
  const isLittle = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;
  // An IPv4-mapped address is the IPv4 address to whoever sends there.
  return parseIp(fromBytes(isLittle ? bytes.swap32() : bytes), 'address');
}

/** Lines of `ENDPT SOCK STY SST HBKT LPORT UID INODE LADDRS`. */
function sctpListeners(text: string, port: number): readonly Listener[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, , , , , local, , , ...addresses] = line.trim().split(/\s+/);
      return Number(local) === port
        ? addresses.map((one) => ({ address: parseIp(one, 'address'), port }))
        : [];
    });
}
