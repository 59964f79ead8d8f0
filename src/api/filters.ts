// Docker's filters: `K=V`, values of one key are alternatives (labels must all match), different keys must all match.
import { NetError } from '../base/errors.ts';
import type { Event } from '../model/event.ts';
import type { AllowanceView, NetworkView, PartyView, SandboxView } from '../model/view.ts';
import type { VisibleName } from '../model/visible-name.ts';

interface Filter<T> {
  readonly matches: (item: T, value: string) => boolean;
  /** The values it takes; any text when absent. */
  readonly values?: readonly string[];
  /** Each value given must match, instead of one of them. */
  readonly every?: true;
}

type Filters<T> = Readonly<Record<string, Filter<T>>>;

const label: Filter<{ readonly labels: Readonly<Record<string, string>> }> = {
  matches: ({ labels }, value) => {
    const [key = '', ...rest] = value.split('=');
    return Object.hasOwn(labels, key) && (rest.length === 0 || labels[key] === rest.join('='));
  },
  every: true,
};

const networkFilters: Filters<NetworkView> = {
  driver: { matches: (network, value) => network.driver === value },
  id: { matches: (network, value) => network.id.startsWith(value) },
  label,
  name: { matches: (network, value) => network.name.includes(value) },
  scope: { matches: (network, value) => scopeOf(network) === value, values: ['local', 'global'] },
  type: {
    matches: (network, value) => network.builtin === (value === 'builtin'),
    values: ['custom', 'builtin'],
  },
  dangling: {
    matches: (network, value) => (network.endpoints.length === 0 && !network.builtin) === (value === 'true'),
    values: ['true', 'false'],
  },
};

const sandboxFilters: Filters<SandboxView> = {
  id: { matches: (sandbox, value) => sandbox.id.startsWith(value) },
  label,
  name: { matches: (sandbox, value) => sandbox.name.includes(value) },
  network: {
    matches: (sandbox, value) =>
      sandbox.endpoints.some(
        ({ networkId, networkName }) => networkName === value || networkId.startsWith(value),
      ),
  },
  status: {
    matches: (sandbox, value) => sandbox.status === value,
    values: ['created', 'running', 'exited'],
  },
};

const allowanceFilters: Filters<AllowanceView> = {
  from: { matches: ({ from }, value) => isParty(from, value) },
  id: { matches: ({ id }, value) => id.startsWith(value) },
  network: { matches: ({ from, to }, value) => [from, to].some((end) => isParty(end, value, 'network')) },
  sandbox: { matches: ({ from, to }, value) => [from, to].some((end) => isParty(end, value, 'sandbox')) },
  to: { matches: ({ to }, value) => isParty(to, value) },
};

const nameFilters: Filters<VisibleName> = {
  kind: { matches: ({ kind }, value) => kind === value, values: ['name', 'hostname', 'id', 'alias', 'link'] },
  name: { matches: ({ name }, value) => name.includes(value) },
  network: { matches: (one, value) => isCalled(value, one.networkId, one.networkName) },
  sandbox: { matches: (one, value) => isCalled(value, one.sandboxId, one.sandboxName) },
};

const eventFilters: Filters<Event> = {
  event: { matches: (event, value) => event.action === value },
  network: { matches: (event, value) => concerns(event, 'network', value) },
  sandbox: { matches: (event, value) => concerns(event, 'sandbox', value) },
  type: { matches: (event, value) => event.type === value },
};

/** What `?filter=` carries: nothing, one or several. */
export type FilterWords = string | readonly string[] | undefined;

/** Errors of all: `invalid_parameter` for an unknown key or value, listing the known ones. */
export const networkFilter = (words: FilterWords) => compile(networkFilters, words);
export const sandboxFilter = (words: FilterWords) => compile(sandboxFilters, words);
export const allowanceFilter = (words: FilterWords) => compile(allowanceFilters, words);
export const nameFilter = (words: FilterWords) => compile(nameFilters, words);
export const eventFilter = (words: FilterWords) => compile(eventFilters, words);

function compile<T>(filters: Filters<T>, words: FilterWords): (item: T) => boolean {
  const given = new Map<string, string[]>();
  for (const word of typeof words === 'string' ? [words] : (words ?? [])) {
    const [key = '', ...value] = word.split('=');
    given.set(key, [...(given.get(key) ?? []), value.join('=')]);
  }
  const tests = [...given].map(([key, values]) => {
    const filter = known(filters, key, values);
    const one = (item: T) => (value: string) => filter.matches(item, value);
    return (item: T) => (filter.every ? values.every(one(item)) : values.some(one(item)));
  });
  return (item) => tests.every((passes) => passes(item));
}

function known<T>(filters: Filters<T>, key: string, values: readonly string[]): Filter<T> {
  const filter = Object.hasOwn(filters, key) ? filters[key] : undefined;
  if (filter === undefined) {
    const keys = Object.keys(filters).join(', ');
    throw new NetError('invalid_parameter', `unknown filter ${key}; known are ${keys}`);
  }
  for (const value of values) {
    if (filter.values?.includes(value) === false) {
      const allowed = filter.values.join(', ');
      throw new NetError('invalid_parameter', `filter ${key}=${value}: the value is one of ${allowed}`);
    }
  }
  return filter;
}

/** Overlay networks are known to every host of a cluster, all others to their own. */
function scopeOf(network: NetworkView): 'local' | 'global' {
  return network.driver === 'overlay' ? 'global' : 'local';
}

function isCalled(value: string, id: string | undefined, name: string | undefined): boolean {
  return value !== '' && (name === value || id?.startsWith(value) === true);
}

function isParty({ kind, id, name }: PartyView, value: string, wanted = kind): boolean {
  return kind === wanted && isCalled(value, id, name);
}

/** Events name an object by id, and others they touch among their attributes, those of policies as `network:lab`, several as `lab, back`. */
function concerns({ type, id, attributes }: Event, kind: Event['type'], value: string): boolean {
  const own = type === kind ? [id, attributes['name']] : [];
  const ends = [attributes['from'], attributes['to']].filter((end) => end?.startsWith(`${kind}:`));
  const named = ends.map((end) => end?.slice(kind.length + 1));
  const several = attributes[kind === 'sandbox' ? 'sandboxes' : `${kind}s`]?.split(', ') ?? [];
  const names = [...own, attributes[kind], attributes[`${kind}Name`], ...named, ...several];
  return (
    value !== '' && names.some((name) => name === value || (name?.length === 64 && name.startsWith(value)))
  );
}
