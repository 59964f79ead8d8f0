// Checks requests against the schemas of their routes. A schema is compiled when the first request needs it: all of them
// at once, with the compiler, would hold up the start by a fifth of the time it takes.
import { createRequire } from 'node:module';
import type { Ajv, AnySchemaObject, ValidateFunction } from 'ajv';

/** What fastify calls with a part of a request; finds what is wrong with it in `errors` afterwards. */
interface Validator {
  (data: unknown): boolean;
  errors?: ValidateFunction['errors'];
}

/** For fastify's `compilersFactory.buildValidator`: a compiler for one server. */
export function buildValidator(): (route: { readonly schema: unknown }) => Validator {
  let ajv: Ajv | undefined;
  return ({ schema }) => {
    let validate: ValidateFunction | undefined;
    const validator: Validator = (data) => {
      ajv ??= createAjv();
      validate ??= ajv.compile(schema as AnySchemaObject);
      const isValid = validate(data);
      validator.errors = validate.errors;
      return isValid;
    };
    return validator;
  };
}

function createAjv(): Ajv {
  const { Ajv: Compiler } = createRequire(import.meta.url)('ajv') as typeof import('ajv');
  // Verbose, so that a refusal can name the value and the fields that are known.
  return new Compiler({ verbose: true, allowUnionTypes: true });
}
