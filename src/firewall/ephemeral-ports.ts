// Host ports nobody asked for by number: the kernel's own range for such ports, in turn, so that one let go is the last to be
// given again.
import { randomInt } from 'node:crypto';
import { readSysctl } from '../kernel/sysctl.ts';

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** As the kernel gives them to sockets that are bound to no port: a range, less what is kept for others (man 7 ip). */
export interface EphemeralRange extends PortRange {
  readonly reserved: readonly PortRange[];
}

/** For both families, whatever the names say. Errors: NetlinkError. */
export async function readEphemeralRange(): Promise<EphemeralRange> {
  const [range, reserved] = await Promise.all([
    readSysctl('net/ipv4/ip_local_port_range'),
    readSysctl('net/ipv4/ip_local_reserved_ports'),
  ]);
  return { ...parseRange(range), reserved: reserved.split(',').filter(Boolean).map(parseRange) };
}

/** `32768	60999`, `8080` or `9148-9150`. */
function parseRange(text: string): PortRange {
  const [first = 0, last = first] = text.split(/[-\s]+/).map(Number);
  return { first, last };
}

export class EphemeralPorts {
  /** Where the next search begins; by chance at first, so that a restart gives no number out again at once either. */
  #next: number | undefined;

  /** All numbers of the range but the reserved ones, those that were given last at the end. */
  *candidates({ first, last, reserved }: EphemeralRange): Generator<number> {
    const isReserved = (port: number) => reserved.some((range) => port >= range.first && port <= range.last);
    const count = last - first + 1;
    const start = this.#next === undefined ? randomInt(count) : this.#next - first;
    const offset = start >= 0 && start < count ? start : 0;
    for (let i = 0; i < count; i++) {
      const port = first + ((offset + i) % count);
      if (!isReserved(port)) yield port;
    }
  }

  given(port: number): void {
    this.#next = port + 1;
  }
}

export function rangeText({ first, last, reserved }: EphemeralRange): string {
  const text = ({ first, last }: PortRange) => (first === last ? `${first}` : `${first}-${last}`);
  const less =
    reserved.length === 0 ? '' : ` less net.ipv4.ip_local_reserved_ports (${reserved.map(text).join(',')})`;
  return `net.ipv4.ip_local_port_range (${first}-${last})${less}`;
}
