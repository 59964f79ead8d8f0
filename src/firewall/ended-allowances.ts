// Which connections an allowance let through that no allowance lets through any more.
import { isDeepStrictEqual } from 'node:util';
import { type AddressRange, rangeOf, toInteger } from '../base/cidr.ts';
import type { ConntrackEntry } from '../kernel/conntrack/entry.ts';
import type { AllowanceId } from '../model/ids.ts';
import type { AllowancePolicy } from '../model/policy.ts';
import { protocolNumbers } from './protocol-numbers.ts';

export interface EndedAllowances {
  /** As they were before they changed or went. */
  readonly ended: readonly AllowancePolicy[];
  /** All that there are now. */
  readonly left: readonly AllowancePolicy[];
}

export function endedAllowances(
  before: ReadonlyMap<AllowanceId, AllowancePolicy>,
  after: ReadonlyMap<AllowanceId, AllowancePolicy>,
): EndedAllowances {
  const ended = [...before].filter(([id, policy]) => !isDeepStrictEqual(after.get(id), policy));
  return { ended: ended.map(([, policy]) => policy), left: [...after.values()] };
}

type Test = (entry: ConntrackEntry) => boolean;

/** Connections to published ports are none of an allowance. */
export function disallowed({ ended, left }: EndedAllowances): Test {
  const was = anyOf(ended);
  const still = anyOf(left);
  return (entry) => entry.original.destination === entry.reply.source && was(entry) && !still(entry);
}

function anyOf(allowances: readonly AllowancePolicy[]): Test {
  const tests = allowances.map(isFor);
  return (entry) => tests.some((test) => test(entry));
}

function isFor({ from, to, ports }: AllowancePolicy): Test {
  const [sources, targets] = [from.map(rangeOf), to.map(rangeOf)];
  return ({ original, handle }) => {
    const { protocol, destinationPort: port } = original;
    if (ports !== undefined) {
      if (protocol !== protocolNumbers[ports.protocol] || port === undefined) return false;
      if (port < ports.first || port > ports.last) return false;
    }
    const isIn = (ranges: readonly AddressRange[], address: bigint) =>
      ranges.some(
        ({ family, first, last }) => family === handle.family && first <= address && address <= last,
      );
    return isIn(sources, toInteger(original.source)) && isIn(targets, toInteger(original.destination));
  };
}
