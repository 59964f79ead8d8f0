// What `net policy add` takes: `FROM TO[:PORT[-END]][/PROTOCOL]`, each end a network or a sandbox.
import { NetError } from '../base/errors.ts';
import type { Allowance } from './allowance.ts';
import { parsePorts } from './publish-syntax.ts';
import type { PolicyBody } from './wire.ts';

/** An end as it was named: of either kind unless that is said. */
export interface PartyName {
  readonly kind?: 'network' | 'sandbox';
  /** Name, id or unique prefix of one. */
  readonly ref: string;
}

export interface AllowanceRequest extends Pick<Allowance, 'ports'> {
  readonly from: PartyName;
  readonly to: PartyName;
}

/** Parses `NAME`, `network:NAME` or `sandbox:NAME`. */
export function parseParty(text: string): PartyName {
  const [, kind, ref = ''] = /^(?:(network|sandbox):)?(.*)$/s.exec(text) ?? [];
  return { ref, ...(kind !== undefined && { kind: kind as 'network' | 'sandbox' }) };
}

/** Parses `NAME`, `network:NAME` or `sandbox:NAME`, on the side of `to` with ports. Errors: `invalid_parameter`. */
export function parseAllowance({ from, to }: PolicyBody): AllowanceRequest {
  const asker = parseEnd(from, 'from');
  if (asker.ports !== undefined) {
    throw new NetError('invalid_parameter', `policy from ${from}: ports are those of the other end`);
  }
  const { ports, party } = parseEnd(to, 'to');
  return {
    from: asker.party,
    to: party,
    ...(ports !== undefined && { ports: parsePorts(ports, `policy to ${to}`) }),
  };
}

/** No name has a colon, so what follows the one after a name is ports. */
function parseEnd(text: string, side: 'from' | 'to') {
  const [, kind, ref, ports] = /^(?:(network|sandbox):)?([^:/]+)(?::(.*))?$/s.exec(text) ?? [];
  if (ref === undefined) {
    throw new NetError(
      'invalid_parameter',
      `policy ${side} ${text}: the name of a network or a sandbox is expected, network:NAME or sandbox:NAME`,
    );
  }
  const party: PartyName = { ref, ...(kind !== undefined && { kind: kind as 'network' | 'sandbox' }) };
  return { party, ports };
}
