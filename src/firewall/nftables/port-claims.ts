// Which ports lead somewhere: a port may be published once. Their elements do not tell, as one port may be in several sets.
import { NetError } from '../../base/errors.ts';
import type { PortForward } from '../../model/policy.ts';
import type { ChangedForwards } from './changed-forwards.ts';

/** Ports by protocol and address. */
type Ports = Map<string, Map<number, PortForward>>;

export class PortClaims {
  readonly #ports: Ports = new Map();

  copy(): PortClaims {
    const copy = new PortClaims();
    for (const [place, ports] of this.#ports) copy.#ports.set(place, new Map(ports));
    return copy;
  }

  /** Errors: `conflict` when a port would lead to two places. */
  check({ removed, added }: ChangedForwards): void {
    const freed = collected(removed);
    const claimed: Ports = new Map();
    for (const forward of added) {
      const place = placeOf(forward);
      const isFree = freed.get(place)?.has(forward.hostPort) === true;
      const kept = isFree ? undefined : this.#ports.get(place)?.get(forward.hostPort);
      const other = claimed.get(place)?.get(forward.hostPort) ?? kept;
      if (other !== undefined && !leadAlike(other, forward)) throw twice(forward);
      put(claimed, forward);
    }
  }

  /** Keeps a change that was checked. */
  accept({ removed, added }: ChangedForwards): void {
    for (const forward of removed) this.#ports.get(placeOf(forward))?.delete(forward.hostPort);
    for (const forward of added) put(this.#ports, forward);
  }
}

function collected(forwards: readonly PortForward[]): Ports {
  const ports: Ports = new Map();
  for (const forward of forwards) put(ports, forward);
  return ports;
}

function put(ports: Ports, forward: PortForward): void {
  const place = placeOf(forward);
  const known = ports.get(place);
  if (known === undefined) ports.set(place, new Map([[forward.hostPort, forward]]));
  else known.set(forward.hostPort, forward);
}

function placeOf({ hostAddress, protocol }: PortForward): string {
  return `${protocol} ${hostAddress}`;
}

function leadAlike(a: PortForward, b: PortForward): boolean {
  return a.address === b.address && a.port === b.port && a.from?.join() === b.from?.join();
}

function twice({ hostAddress, hostPort, protocol }: PortForward): NetError {
  const isWildcard = hostAddress === '0.0.0.0' || hostAddress === '::';
  const place = isWildcard ? '' : ` on ${hostAddress}`;
  return new NetError('conflict', `port ${hostPort}/${protocol}${place} is published twice`);
}
