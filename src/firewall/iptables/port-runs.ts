// Ports that one rule can say together: neighbours on the host that lead to the same ones of one end. Pure.
import type { PortForward } from '../../model/policy.ts';

/** Its first port, and how many there are. */
export interface PortRun extends PortForward {
  readonly count: number;
}

/**
 * The records have one forward for each port; those of one range are apart in nothing but their ports. Ports that change on the way
 * are told one by one: where a client asks two addresses of the host from one port of its own, the kernel would lead it to the
 * next port of the range (`nf_nat_l4proto_unique_tuple` of net/netfilter/nf_nat_core.c), which is another service.
 */
export function runsOf(forwards: readonly PortForward[]): readonly PortRun[] {
  const alike = new Map<string, PortForward[]>();
  for (const forward of forwards.filter(keepsPort)) {
    const name = nameOf(forward);
    const known = alike.get(name);
    if (known === undefined) alike.set(name, [forward]);
    else known.push(forward);
  }
  const shifted = forwards.filter((forward) => !keepsPort(forward));
  return [
    ...shifted.map((forward) => ({ ...forward, count: 1 })),
    ...[...alike.values()].flatMap(consecutive),
  ];
}

function keepsPort({ hostPort, port }: PortForward): boolean {
  return hostPort === port;
}

/** What all ports of a run have in common. */
function nameOf({ hostAddress, protocol, address, keepSource, from }: PortForward): string {
  const askers = from === undefined ? 'everybody' : from.join();
  return [protocol, hostAddress, address, keepSource, askers].join(' ');
}

function consecutive(alike: readonly PortForward[]): readonly PortRun[] {
  const sorted = [...alike].sort((a, b) => a.hostPort - b.hostPort);
  const firsts = sorted.flatMap(({ hostPort }, i) => (sorted[i - 1]?.hostPort === hostPort - 1 ? [] : [i]));
  return firsts.flatMap((start, i) => {
    const first = sorted[start];
    return first === undefined ? [] : [{ ...first, count: (firsts[i + 1] ?? sorted.length) - start }];
  });
}
