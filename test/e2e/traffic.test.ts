// Every kind of network asked from everywhere, with each firewall backend: what is expected, what real connections meet, and
// what `net why` says are the same.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WhyView } from '../../src/model/why.ts';
import { backends } from '../kernel/firewall/backends.ts';
import { TrafficHost } from '../support/traffic-host.ts';
import { type Cell, cells, type NetworkCase, networks } from '../support/traffic-table.ts';

/** Under the name of iptables a host has either of two programs. */
const firewalls = ['nftables', 'iptables-nft', 'iptables-legacy'].map((firewall) => ({
  firewall,
  missing: backends.find(({ name }) => name === firewall)?.missing,
}));

describe.each(firewalls)('with $firewall', ({ firewall, missing }) => {
  describe.skipIf(missing !== undefined)(missing ?? 'here', () => expectAgreement(firewall));
});

function expectAgreement(firewall: string): void {
  // The programs of both variants are given the same rules: networks of both families stand for all.
  const isMeant = ({ families }: NetworkCase) => firewall !== 'iptables-legacy' || families === 'dual';
  const asked = cells.filter(({ network }) => isMeant(network));
  let place: TrafficHost;
  let reached: ReadonlyMap<Cell, string>;
  let explained: ReadonlyMap<Cell, WhyView['ways'][number]>;

  beforeAll(async () => {
    place = await TrafficHost.start(firewall, networks.filter(isMeant));
    reached = await place.reached(asked);
    explained = await place.explained(asked);
  }, 300_000);

  afterAll(() => place[Symbol.asyncDispose]());

  const named = asked.map((cell) => {
    const { network, family, asker, answers } = cell;
    const kind = `${network.families}, ${network.mode}, ${network.shape}`;
    return [`${kind}: ${answers ? 'answers' : 'does not answer'} ${asker} over IPv${family}`, cell] as const;
  });

  test.each(named)('%s', (_, cell) => {
    const way = explained.get(cell);
    const steps = way?.steps.map(({ text }) => text).join('; ');
    expect(reached.get(cell) === cell.network.web, `answered by ${reached.get(cell)}`).toBe(cell.answers);
    expect(way?.passes, steps).toBe(cell.answers);
    if (!cell.answers) expect(way?.reason, steps).toEqual(expect.any(String));
  });
}
