// `filters` of a query: JSON of `{"KEY":["VALUE"]}`, or `{"KEY":{"VALUE":true}}` as Docker's client writes it.
import { NetError } from '../../base/errors.ts';

export type Filters = ReadonlyMap<string, readonly string[]>;

/** Errors: `invalid_parameter` for what is no JSON of that form. */
export function parseFilters(text: string | undefined): Filters {
  if (text === undefined || text === '') return new Map();
  const filters = new Map<string, readonly string[]>();
  for (const [key, values] of Object.entries(readObject(text))) {
    filters.set(key, valuesOf(values, key));
  }
  return filters;
}

/** As Fairlead's own filters are written. */
export function filterWords(filters: Filters): readonly string[] {
  return [...filters].flatMap(([key, values]) => values.map((value) => `${key}=${value}`));
}

function readObject(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Refused below.
  }
  throw new NetError('invalid_parameter', `filters: ${text.slice(0, 100)} is not a JSON object`);
}

function valuesOf(values: unknown, key: string): readonly string[] {
  if (Array.isArray(values) && values.every((value) => typeof value === 'string')) return values;
  if (typeof values === 'object' && values !== null && !Array.isArray(values)) {
    return Object.entries(values).flatMap(([value, set]) => (set === true ? [value] : []));
  }
  throw new NetError('invalid_parameter', `filters: the values of ${key} are not a list of texts`);
}
