// Building blocks of the JSON schemas that routes are checked and documented by.

export type Schema = Readonly<Record<string, unknown>>;

/** An object with these fields and no others; `required` ones must be there. */
export function object(
  properties: Readonly<Record<string, Schema>>,
  required: readonly string[] = [],
): Schema {
  return { type: 'object', additionalProperties: false, properties, required };
}

/** An object that may have fields this version does not know. */
export function open(properties: Readonly<Record<string, Schema>>, required: readonly string[] = []): Schema {
  return { type: 'object', properties, required };
}

/** What Docker's programs write as null when it is not there. */
export function maybe(schema: Schema): Schema {
  return { ...schema, type: [schema['type'], 'null'].flat() };
}

export type Maybe<T> = T | null | undefined;

export function list(items: Schema): Schema {
  return { type: 'array', items, maxItems: 1024 };
}

/** Free keys, text values. */
export const textMap: Schema = { type: 'object', additionalProperties: { type: 'string', maxLength: 4096 } };
export const text: Schema = { type: 'string', minLength: 1, maxLength: 4096 };
export const anyText: Schema = { type: 'string' };
export const texts = list(text);
export const flag: Schema = { type: 'boolean' };
export const wholeNumber: Schema = { type: 'integer' };
export const port: Schema = { type: 'integer', minimum: 1, maximum: 65535 };
export const processId: Schema = { type: 'integer', minimum: 1, maximum: 4194304 };

/** In a query everything is text. */
export const queryFlag: Schema = { type: 'string', enum: ['true', 'false'] };

/** `?filter=K=V`, repeatable: values of one key are alternatives, different keys must all match. */
export const filterQuery = object({ filter: { type: ['string', 'array'], items: { type: 'string' } } });

export interface FilterQuery {
  readonly filter?: string | readonly string[];
}

/** `:ref` is an id, a name or a unique prefix of an id. */
export const refParams = object({ ref: text }, ['ref']);

export interface RefParams {
  readonly ref: string;
}

/** The body of every refusal. */
export const errorBody = object({ message: anyText, code: anyText }, ['message', 'code']);
