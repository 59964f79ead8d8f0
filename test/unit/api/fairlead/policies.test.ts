import { expect, test } from 'vitest';
import { testApi } from '../../../support/test-api.ts';

async function populated() {
  const api = testApi();
  for (const name of ['lab', 'dmz']) await api.controller.createNetwork({ name });
  await api.controller.createSandbox({ name: 'web' });
  return api;
}

test('policies are added, listed, inspected and taken back', async () => {
  const { call } = await populated();
  const added = await call('POST', '/policies', { from: 'lab', to: 'web:80-81/udp' });
  expect(added).toMatchObject({
    status: 201,
    body: {
      from: { kind: 'network', name: 'lab' },
      to: { kind: 'sandbox', name: 'web' },
      ports: { protocol: 'udp', first: 80, last: 81 },
    },
  });
  const { id } = added.body as { id: string };
  expect(await call('GET', '/policies')).toEqual({ status: 200, body: [added.body] });
  expect(await call('GET', `/policies/${id.slice(0, 12)}`)).toEqual({ status: 200, body: added.body });
  expect((await call('DELETE', `/policies/${id}`)).status).toBe(204);
  expect(await call('GET', `/policies/${id}`)).toMatchObject({
    status: 404,
    body: { message: `no policy ${id}`, code: 'not_found' },
  });
});

test.each([
  [['from=lab'], 2],
  [['from=lab', 'to=web'], 1],
  [['network=dmz'], 2],
  [['sandbox=web'], 1],
  [['network=web'], 0],
  [['to=dmz', 'to=web'], 2],
])('the filter %j selects %d', async (words, count) => {
  const { call } = await populated();
  for (const [from, to] of [
    ['lab', 'web'],
    ['lab', 'dmz'],
    ['dmz', 'lab'],
  ])
    await call('POST', '/policies', { from, to });
  const query = words.map((word) => `filter=${word}`).join('&');
  expect((await call('GET', `/policies?${query}`)).body).toHaveLength(count);
});

test.each([
  [{ from: 'lab' }, 'body: field to is missing'],
  [{ from: 'lab', to: 'web', ports: '80' }, 'body: unknown field ports; known are from, to'],
  [{ from: '', to: 'web' }, 'from: "" must NOT have fewer than 1 characters'],
  [{ from: 'lab', to: 'web:x' }, 'policy to web:x: "x" is not a port (1 to 65535)'],
])('the body %j is refused', async (body, message) => {
  const { call } = await populated();
  expect(await call('POST', '/policies', body)).toMatchObject({ status: 400, body: { message } });
});

test('an unknown filter is refused with the known ones', async () => {
  const { call } = await populated();
  expect(await call('GET', '/policies?filter=port=80')).toMatchObject({
    status: 400,
    body: { message: 'unknown filter port; known are from, id, network, sandbox, to' },
  });
});
