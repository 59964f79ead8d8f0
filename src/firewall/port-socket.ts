// Sockets that hold host ports, and why one could not be had.
import type { IpAddress } from '../base/cidr.ts';
import { NetError } from '../base/errors.ts';
import { everywhere, holdHostPort } from '../kernel/sockets.ts';
import type { Protocol } from '../model/port.ts';
import type { HostPortOwner } from './host-ports.ts';

/** What a port on the host is known by. */
export interface PortName {
  readonly protocol: Protocol;
  readonly hostAddress: IpAddress;
  readonly hostPort: number;
}

const noSockets = new Set(['EPROTONOSUPPORT', 'ESOCKTNOSUPPORT']);

/** Why a port could not be held: an errno's name, and the owner when it is one of ours. */
export class BindError extends Error {
  readonly code: string;
  readonly socket: PortName;
  readonly owner: HostPortOwner | undefined;

  constructor(code: string, socket: PortName, owner?: HostPortOwner, options?: ErrorOptions) {
    super(`bind: ${code}`, options);
    this.name = 'BindError';
    this.code = code;
    this.socket = socket;
    this.owner = owner;
  }
}

/**
 * The file descriptor; undefined where the kernel has no such sockets: then the port is ours by our own word only. `both`: for
 * `0.0.0.0` and `::` at once. Errors: BindError.
 */
export function openSocket(socket: PortName, both = false): number | undefined {
  try {
    return holdHostPort(socket.protocol, both ? everywhere : socket.hostAddress, socket.hostPort).fd;
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined) throw error;
    if (noSockets.has(code)) return undefined;
    throw new BindError(code, socket, undefined, { cause: error });
  }
}

/** The errno's name; undefined of what is an error for users already. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && !(error instanceof NetError)
    ? (error as NodeJS.ErrnoException).code
    : undefined;
}
