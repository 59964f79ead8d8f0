// Events as Docker tells them.
import type { Event } from '../../model/event.ts';

const actions: Readonly<Record<string, string>> = {
  'network delete': 'destroy',
  'sandbox delete': 'destroy',
  'sandbox exit': 'die',
};

const types: Readonly<Record<Event['type'], string>> = {
  network: 'network',
  sandbox: 'container',
  endpoint: 'endpoint',
  policy: 'policy',
  dns: 'dns',
  daemon: 'daemon',
};

export function eventAnswer({ type, action, id, attributes, labels, time }: Event) {
  const { sandbox, driver, status, ...rest } = attributes;
  const told: Readonly<Record<string, string>> = {
    ...labels,
    ...rest,
    ...(sandbox !== undefined && { container: sandbox }),
    ...(driver !== undefined && { type: driver === 'none' ? 'null' : driver }),
    ...(status !== undefined && { exitCode: status }),
  };
  return {
    Type: types[type],
    Action: actions[`${type} ${action}`] ?? action,
    Actor: { ID: id, Attributes: told },
    scope: 'local',
    time: Math.floor(time / 1000),
    timeNano: time * 1_000_000,
  };
}
