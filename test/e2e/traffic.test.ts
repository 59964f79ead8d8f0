// Every kind of network asked from everywhere, with each firewall backend: what is expected, what real connections meet, and
// what `net why` says are the same.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WhyView } from '../../src/model/why.ts';
import { TrafficHost } from '../support/traffic-host.ts';
import { type Cell, cells } from '../support/traffic-table.ts';

describe.each(['nftables', 'iptables'])('with %s', (backend) => {
  let place: TrafficHost;
  let reached: ReadonlyMap<Cell, string>;
  let explained: ReadonlyMap<Cell, WhyView['ways'][number]>;

  beforeAll(async () => {
    place = await TrafficHost.start(backend);
    reached = await place.reached(cells);
    explained = await place.explained(cells);
  }, 300_000);

  afterAll(() => place[Symbol.asyncDispose]());

  const named = cells.map((cell) => {
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
});
