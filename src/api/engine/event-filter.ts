// Filters of events in Docker's words: values of one key are alternatives (labels must all match), keys must all match.
import { NetError } from '../../base/errors.ts';
import type { Event } from '../../model/event.ts';
import { eventAnswer } from './event-view.ts';
import type { Filters } from './filter-words.ts';

type Told = ReturnType<typeof eventAnswer>;
type Matches = (event: Told, value: string) => boolean;

const known: Readonly<Record<string, Matches>> = {
  container: ({ Type, Actor }, value) =>
    Type === 'container'
      ? isNamed(value, Actor.ID, Actor.Attributes['name'])
      : isNamed(value, Actor.Attributes['container'], Actor.Attributes['sandboxName']),
  event: ({ Action }, value) => Action === value,
  label: ({ Actor: { Attributes } }, value) => {
    const [key = '', ...rest] = value.split('=');
    return Object.hasOwn(Attributes, key) && (rest.length === 0 || Attributes[key] === rest.join('='));
  },
  network: ({ Type, Actor }, value) =>
    Type === 'network' && isNamed(value, Actor.ID, Actor.Attributes['name']),
  scope: ({ scope }, value) => scope === value,
  type: ({ Type }, value) => Type === value,
};

/** Errors: `invalid_parameter` for an unknown key, listing the known ones. */
export function eventMatcher(filters: Filters): (event: Event) => boolean {
  const tests = [...filters].map(([key, values]) => {
    const matches = Object.hasOwn(known, key) ? known[key] : undefined;
    if (matches === undefined) {
      const keys = Object.keys(known).join(', ');
      throw new NetError('invalid_parameter', `unknown filter ${key}; known are ${keys}`);
    }
    const one = (event: Told) => (value: string) => matches(event, value);
    return (event: Told) => (key === 'label' ? values.every(one(event)) : values.some(one(event)));
  });
  return (event) => {
    const told = eventAnswer(event);
    return tests.every((passes) => passes(told));
  };
}

function isNamed(value: string, id: string | undefined, name: string | undefined): boolean {
  return value !== '' && (name === value || id?.startsWith(value) === true);
}
