// Exposed and published ports as dockerd writes them. Errors: `invalid_parameter`.
import { parseIp } from '../../base/cidr.ts';
import { NetError } from '../../base/errors.ts';
import type { ExposedPort, PortRequest, Protocol } from '../../model/port.ts';
import { anyText, type Maybe, maybe, open, port, wholeNumber } from '../schema.ts';

/** Port 0 stands for any. */
const hostPort = { type: 'integer', minimum: 0, maximum: 65535 };

export const exposedPorts = maybe({
  type: 'array',
  items: open({ Proto: wholeNumber, Port: port }, ['Proto', 'Port']),
});

export const portMap = maybe({
  type: 'array',
  items: open(
    {
      Proto: wholeNumber,
      Port: port,
      HostIP: maybe(anyText),
      HostPort: maybe(hostPort),
      HostPortEnd: maybe(hostPort),
    },
    ['Proto', 'Port'],
  ),
});

export interface TransportPort {
  readonly Proto: number;
  readonly Port: number;
}

export interface PortBinding extends TransportPort {
  readonly HostIP?: Maybe<string>;
  readonly HostPort?: Maybe<number>;
  readonly HostPortEnd?: Maybe<number>;
}

export function parseExposed({ Proto, Port }: TransportPort): ExposedPort {
  return { protocol: protocolOf(Proto), port: Port };
}

export function parseBinding(binding: PortBinding): PortRequest {
  const first = binding.HostPort ?? 0;
  const last = Math.max(first, binding.HostPortEnd ?? 0);
  return {
    ...parseExposed(binding),
    ...(binding.HostIP && { hostAddress: parseIp(binding.HostIP, 'host address') }),
    ...(first !== 0 && { hostPort: { first, last } }),
  };
}

/** IPPROTO_…, include/uapi/linux/in.h. */
const protocols: ReadonlyMap<number, Protocol> = new Map([
  [6, 'tcp'],
  [17, 'udp'],
  [132, 'sctp'],
]);

function protocolOf(number: number): Protocol {
  const protocol = protocols.get(number);
  if (protocol !== undefined) return protocol;
  throw new NetError(
    'invalid_parameter',
    `protocol ${number} cannot be published; 6 (tcp), 17 (udp) and 132 (sctp) can`,
  );
}
