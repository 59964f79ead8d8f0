// What the name service tells of by itself, as listeners hear it.
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { eventAnswer } from '../../../src/api/engine/event-view.ts';
import { eventFilter } from '../../../src/api/filters.ts';
import { nameEvents } from '../../../src/bin/name-events.ts';
import { EventBus } from '../../../src/core/events.ts';
import { createNameService } from '../../../src/dns/engine.ts';
import type { Event } from '../../../src/model/event.ts';
import type { EndpointId, NetworkId, SandboxId } from '../../../src/model/ids.ts';
import type { NameEntry } from '../../../src/model/name-entry.ts';

const claim = (sandbox: string, network: string, alias: string): NameEntry => ({
  endpointId: `${sandbox}@${network}` as EndpointId,
  networkId: network.repeat(16) as NetworkId,
  networkName: network,
  sandboxId: sandbox as SandboxId,
  names: [sandbox, alias],
  addresses: [],
  services: [],
});

function told() {
  const bus = new EventBus();
  const events: Event[] = [];
  bus.subscribe((event) => events.push(event));
  const lines: string[] = [];
  const log = pino({ base: null, timestamp: false }, { write: (line) => lines.push(line) });
  return { events, lines, listeners: nameEvents(bus, log), log };
}

test('a name that two claim is an event and a line of the log, once', async () => {
  const { events, lines, listeners, log } = told();
  const names = createNameService({ log, resolvConf: '/nonexistent/resolv.conf', ...listeners });
  names.put(claim('web', 'lab1', 'www'));
  for (let i = 0; i < 2; i++) names.put(claim('api', 'back', 'Web'));
  expect(events).toEqual([]);
  names.setView({
    sandboxId: 'asker' as SandboxId,
    networks: ['lab1', 'back'].map((name) => name.repeat(16) as NetworkId),
    links: [],
    forwarding: 'none',
  });
  const attributes = { name: 'web', networks: 'lab1, back', sandboxes: 'web, api' };
  expect(events).toMatchObject([
    { type: 'dns', action: 'duplicate_name', id: 'lab1'.repeat(16), attributes },
  ]);
  const warnings = lines.filter((line) => line.includes('several sandboxes claim a name'));
  expect(warnings.map((line) => JSON.parse(line))).toMatchObject([attributes]);
  await names.shutdown();
});

test.each([
  [
    { address: '192.0.2.53', isFailing: true, reason: 'timed out' },
    'upstream_failing',
    { reason: 'timed out' },
  ],
  [
    { address: 'fe80::1%eth0', isFailing: false, sandboxId: 'web' as SandboxId },
    'upstream_working',
    { sandbox: 'web' },
  ],
])('an upstream that changes, %j, is an event %s', (change, action, more) => {
  const { events, listeners } = told();
  listeners.onUpstream(change);
  const { address } = change;
  expect(events).toMatchObject([{ type: 'dns', action, id: address, attributes: { address, ...more } }]);
});

test.each([
  ['type=dns', true],
  ['event=duplicate_name', true],
  ['network=back', true],
  ['network=bac', false],
  ['sandbox=api', true],
  ['sandbox=lab', false],
])('whether the filter %s selects a duplicate: %s', (filter, passes) => {
  const { events, listeners } = told();
  listeners.onDuplicate({ name: 'web', claims: [claim('web', 'lab1', ''), claim('api', 'back', '')] });
  expect(events.map(eventFilter(filter))).toEqual([passes]);
});

test('Docker is told of them as of a kind of its own', () => {
  const { events, listeners } = told();
  listeners.onUpstream({ address: '192.0.2.53', isFailing: true });
  expect(events.map(eventAnswer)).toMatchObject([
    {
      Type: 'dns',
      Action: 'upstream_failing',
      Actor: { ID: '192.0.2.53', Attributes: { address: '192.0.2.53' } },
    },
  ]);
});
