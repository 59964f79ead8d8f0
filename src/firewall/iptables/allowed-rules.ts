// Connections between networks that are let through because somebody said so, as rules. Pure.
import { type Cidr, familyOf, type IpFamily } from '../../base/cidr.ts';
import type { AllowancePolicy } from '../../model/policy.ts';
import { fromEach, toEach, toPorts } from './rule-text.ts';

/** One rule for each pair of places. What several allowances say is said once, and stays until the last of them goes. */
export function allowedRules(
  family: IpFamily,
  allowances: readonly AllowancePolicy[],
  target: string,
): readonly string[] {
  const rules = allowances.flatMap(({ from, to, ports }) => {
    const what = ports === undefined ? `-j ${target}` : `${portsText(ports)} -j ${target}`;
    const there = toEach(to.filter(isOf(family)), what);
    return there.flatMap((rule) => fromEach(from.filter(isOf(family)), rule));
  });
  return [...new Set(rules)];
}

function portsText({ protocol, first, last }: Required<AllowancePolicy>['ports']): string {
  return toPorts({ protocol, first, count: last - first + 1 });
}

function isOf(family: IpFamily): (cidr: Cidr) => boolean {
  return (cidr) => familyOf(cidr) === family;
}
