import { describe, expect, test } from 'vitest';
import { eventFilter, networkFilter, sandboxFilter } from '../../../src/api/filters.ts';
import { FakeController } from '../../support/fake-controller.ts';

async function populated(): Promise<FakeController> {
  const controller = new FakeController();
  await controller.createNetwork({ name: 'lab', labels: { tier: 'test', empty: '' } });
  await controller.createNetwork({ name: 'lab2', driver: 'macvlan', labels: { tier: 'live' } });
  await controller.createSandbox({ name: 'web', labels: { tier: 'test' } });
  await controller.createSandbox({ name: 'db' });
  await controller.connect({ network: 'lab', target: 'web' });
  return controller;
}

describe('network filters', () => {
  test.each([
    [[], ['bridge', 'host', 'none', 'lab', 'lab2']],
    [['driver=macvlan'], ['lab2']],
    [
      ['driver=macvlan', 'driver=host'],
      ['host', 'lab2'],
    ],
    [['name=lab'], ['lab', 'lab2']],
    [['name=lab', 'driver=bridge'], ['lab']],
    [['label=tier'], ['lab', 'lab2']],
    [['label=tier=test'], ['lab']],
    [['label=tier', 'label=empty'], ['lab']],
    [['type=builtin'], ['bridge', 'host', 'none']],
    [['type=custom', 'dangling=true'], ['lab2']],
    [['type=custom', 'dangling=false'], ['lab']],
    [['scope=global'], []],
    [['label=constructor'], []],
  ])('%j selects %j', async (words, names) => {
    const controller = await populated();
    const selected = controller.networks().filter(networkFilter(words));
    expect(selected.map(({ name }) => name)).toEqual(names);
  });

  test('an id is matched by its beginning', async () => {
    const controller = await populated();
    const { id } = controller.network('lab');
    expect(controller.networks().filter(networkFilter(`id=${id.slice(0, 12)}`))).toHaveLength(1);
  });
});

test.each([
  [['status=created', 'name=w'], ['web']],
  [['network=lab'], ['web']],
  [['label=tier=test'], ['web']],
  [['status=exited'], []],
])('sandbox filter %j selects %j', async (words, names) => {
  const controller = await populated();
  expect(
    controller
      .sandboxes()
      .filter(sandboxFilter(words))
      .map(({ name }) => name),
  ).toEqual(names);
});

test.each([
  [['type=sandbox'], ['create web', 'create db']],
  [['event=connect'], ['connect lab']],
  [['network=lab'], ['create lab', 'connect lab']],
  [['sandbox=web'], ['create web', 'connect lab']],
])('event filter %j selects %j', async (words, events) => {
  const controller = await populated();
  const heard: string[] = [];
  const wanted = eventFilter(words);
  controller.events.subscribe((event) => {
    if (wanted(event)) heard.push(`${event.action} ${event.attributes['name']}`);
  }, 0);
  expect(heard).toEqual(events);
});

test.each([
  ['colour=red', 'unknown filter colour; known are driver, id, label, name, scope, type, dangling'],
  ['constructor=x', 'unknown filter constructor'],
  ['type=mine', 'filter type=mine: the value is one of custom, builtin'],
  ['dangling=maybe', 'filter dangling=maybe: the value is one of true, false'],
])('filter %s is refused', (word, message) => {
  expect(() => networkFilter(word)).toThrow(message);
});
