import { describe, expect, test } from 'vitest';
import { testApi } from '../../../support/test-api.ts';

describe('who answers', () => {
  test.each(['GET', 'HEAD'] as const)('%s /_ping tells the newest version of the API', async (method) => {
    const answer = await testApi().server.inject({ method, url: '/_ping' });
    expect(answer.statusCode).toBe(200);
    expect(answer.headers).toMatchObject({ 'api-version': '1.51', ostype: 'linux' });
  });

  test('/version tells both ends', async () => {
    const answer = await testApi().server.inject('/v1.24/version');
    expect(answer.json()).toMatchObject({
      Version: '1.2.3',
      ApiVersion: '1.51',
      MinAPIVersion: '1.24',
      Os: 'linux',
    });
  });

  test('/info counts sandboxes', async () => {
    const { controller, server } = testApi();
    await controller.createSandbox({ name: 'web' });
    expect((await server.inject('/info')).json()).toMatchObject({
      Containers: 1,
      ContainersRunning: 0,
      ContainersStopped: 1,
      Plugins: { Network: ['bridge', 'host', 'macvlan', 'null'] },
      ServerVersion: '1.2.3',
    });
  });
});

describe('what is not answered', () => {
  test.each([
    ['GET', '/v1.23/version', 400, 'client version 1.23 is too old. Minimum supported API version is 1.24'],
    ['GET', '/v1.52/version', 400, 'client version 1.52 is too new. Maximum supported API version is 1.51'],
    ['GET', '/v2.0/_ping', 400, 'client version 2.0 is too new. Maximum supported API version is 1.51'],
    ['GET', '/nonsense', 404, 'page not found'],
    ['GET', '/', 404, 'page not found'],
    ['GET', '/v1.40/nonsense', 404, 'page not found'],
    ['GET', '/v1/version', 404, 'page not found'],
    ['GET', '/v1.40', 404, 'page not found'],
    ['GET', '/v1.40/v1.40/version', 404, 'page not found'],
    ['GET', '/v1.40/fairlead/v1/version', 404, 'page not found'],
    ['PUT', '/networks', 404, 'page not found'],
    ['GET', '/v1.40/images/a/b/json', 404, 'no such image: a/b'],
    [
      'GET',
      '/images/json',
      501,
      'GET /images/json is not available: this daemon answers the network part of the Docker Engine API',
    ],
    [
      'POST',
      '/v1.40/images/create',
      501,
      'POST /v1.40/images/create is not available: this daemon answers the network part of the Docker Engine API',
    ],
    [
      'GET',
      '/volumes',
      501,
      'GET /volumes is not available: this daemon answers the network part of the Docker Engine API',
    ],
  ] as const)('%s %s: %i', async (method, url, status, message) => {
    const answer = await testApi().server.inject({ method, url });
    expect(answer.statusCode).toBe(status);
    expect(answer.json()).toEqual({ message });
  });

  test('is refused whatever the body is', async () => {
    const headers = { 'content-type': 'application/x-tar' };
    const answer = await testApi().server.inject({ method: 'POST', url: '/build', headers, payload: 'tar' });
    expect(answer.statusCode).toBe(501);
  });

  test('under /fairlead/v1 it is refused as ever', async () => {
    expect(await testApi().call('GET', '/nonsense')).toEqual({
      status: 404,
      body: { message: 'no such route: GET /fairlead/v1/nonsense', code: 'not_found' },
    });
  });
});
