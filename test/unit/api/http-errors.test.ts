import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { httpStatus } from '../../../src/api/http-errors.ts';
import { NetError } from '../../../src/base/errors.ts';
import { exitStatus } from '../../../src/cli/program.ts';
import { FakeController } from '../../support/fake-controller.ts';
import { testApi } from '../../support/test-api.ts';

const document = new URL('../../../docs/errors.md', import.meta.url);

test('docs/errors.md lists every code with its statuses, and no others', async () => {
  const rows = [
    ...(await readFile(document, 'utf8')).matchAll(/^\| `(\w+)` +\| (\d+) +\| (\d+) +\| (\d+) /gm),
  ];
  const documented = rows.map(([, code, ...statuses]) => [code, ...statuses.map(Number)]);
  const actual = Object.entries(httpStatus).map(([code, status]) => [code, status, exitStatus.refused, 125]);
  expect(documented).toEqual(actual);
});

class FailingController extends FakeController {
  readonly #failure: unknown;

  constructor(failure: unknown) {
    super();
    this.#failure = failure;
  }

  override networks(): never {
    throw this.#failure;
  }
}

describe('a refusal', () => {
  test.each(Object.entries(httpStatus))('with code %s has status %d', async (code, status) => {
    const failure = new NetError(code as keyof typeof httpStatus, 'it did not work');
    const { call } = testApi(new FailingController(failure));
    expect(await call('GET', '/networks')).toEqual({ status, body: { message: 'it did not work', code } });
  });

  test('whose undoing failed too keeps its own code', async () => {
    const failure = new NetError('exhausted', 'pool is full');
    const both = new AggregateError([failure, new Error('undo')], failure.message);
    const { call } = testApi(new FailingController(both));
    expect(await call('GET', '/networks')).toEqual({
      status: 409,
      body: { message: 'pool is full', code: 'exhausted' },
    });
  });

  test('nobody foresaw is internal and logged with its cause', async () => {
    const { call, logged } = testApi(new FailingController(new TypeError('x is undefined')));
    expect(await call('GET', '/networks')).toEqual({
      status: 500,
      body: { message: 'x is undefined', code: 'internal' },
    });
    expect(logged()).toContain('TypeError');
    expect(logged()).toContain('/fairlead/v1/networks');
  });

  test('the user can act on is not logged', async () => {
    const { call, logged } = testApi();
    await call('GET', '/networks/nothing');
    expect(logged()).toBe('');
  });

  test('of an unknown route names it', async () => {
    const { server } = testApi();
    const answer = await server.inject({ method: 'POST', url: '/fairlead/v1/nothing?x=1', payload: {} });
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toEqual({ message: 'no such route: POST /fairlead/v1/nothing', code: 'not_found' });
  });
});

describe('a body that cannot be read', () => {
  const url = '/fairlead/v1/networks';

  test.each([
    ['text/plain', 'name=lab', 415, 'content type text/plain is not accepted; bodies are application/json'],
    ['application/json', '{"name":', 400, 'the request cannot be read: '],
    ['application/json', '', 400, 'the body is empty; JSON is expected'],
    ['application/json', '{"name":"a","__proto__":{"x":1}}', 400, 'the request cannot be read: '],
    ['application/json', `"${'x'.repeat(2 ** 20)}"`, 413, 'the body is larger than 1048576 bytes'],
  ])('%s %.20s is refused', async (type, payload, status, message) => {
    const { server } = testApi();
    const answer = await server.inject({ method: 'POST', url, headers: { 'content-type': type }, payload });
    expect(answer.statusCode).toBe(status);
    expect(answer.json()).toEqual({ message: expect.stringContaining(message), code: 'invalid_parameter' });
  });

  test('is told apart from one that is not there', async () => {
    const { server } = testApi();
    const answer = await server.inject({ method: 'POST', url });
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toEqual({ message: 'body: null must be object', code: 'invalid_parameter' });
  });
});
