// What the kernel answered when it refused a netlink request or a namespace or socket call.
import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';

/** Numbers the kernel uses in netlink answers that libuv has no name for. */
const furtherNames = new Map([
  [54, 'EXFULL'],
  [76, 'ENOTUNIQ'],
  [524, 'ENOTSUPP'],
]);

const names = new Map([
  ...furtherNames,
  ...Object.entries(constants.errno).map(([name, number]) => [number, name] as const),
]);

/** `EEXIST` for 17; `E999` when nobody has a name for it. */
export function errorName(errno: number): string {
  return getSystemErrorMap().get(-errno)?.[0] ?? names.get(errno) ?? `E${errno}`;
}

/** `file already exists` for 17. */
function errorText(errno: number): string {
  return getSystemErrorMap().get(-errno)?.[1] ?? errorName(errno);
}

export interface NetlinkFailure {
  readonly errno: number;
  /** Which step of the program was refused. */
  readonly step: number;
  /** What the kernel has to say about it (NLMSGERR_ATTR_MSG). */
  readonly extendedAck?: string | undefined;
  /** Byte of the request the kernel objects to (NLMSGERR_ATTR_OFFS). */
  readonly offset?: number | undefined;
  /** What the step was about, where that says more than its index. */
  readonly about?: string | undefined;
}

/** A program of the netlink thread failed. Always the cause of another error, never shown to a user alone. */
export class NetlinkError extends Error {
  readonly errno: number;
  /** The name of `errno`, e.g. `EEXIST`. */
  readonly code: string;
  readonly step: number;
  readonly extendedAck: string | undefined;
  readonly offset: number | undefined;

  constructor({ errno, step, extendedAck, offset, about }: NetlinkFailure) {
    super(`${about ?? `step ${step}`}: ${extendedAck ?? errorText(errno)} (${errorName(errno)})`);
    this.name = 'NetlinkError';
    this.errno = errno;
    this.code = errorName(errno);
    this.step = step;
    this.extendedAck = extendedAck;
    this.offset = offset;
  }
}
