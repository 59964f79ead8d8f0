import { expect, test } from 'vitest';
import { testApi } from '../../../support/test-api.ts';

test('ports are published, listed and taken back', async () => {
  const { call, controller } = testApi();
  await controller.createNetwork({ name: 'lab' });
  await controller.createSandbox({ name: 'web' });
  await controller.createSandbox({ name: 'db' });
  await controller.connect({ network: 'lab', target: 'web' });
  await controller.connect({ network: 'lab', target: 'db' });
  const ports = ['8080:80', '9000-9001:90-91/udp'];
  expect((await call('POST', '/ports', { target: 'web', ports, network: 'lab' })).status).toBe(200);
  expect(await call('POST', '/ports', { target: 'db', ports: ['8080:80'] })).toMatchObject({
    status: 409,
    body: { message: 'port 8080/tcp is published by sandbox web', code: 'conflict' },
  });
  expect((await call('GET', '/ports')).body).toMatchObject([
    { sandboxName: 'web', hostPort: 8080, port: 80, protocol: 'tcp' },
    { hostPort: 9000, port: 90, protocol: 'udp' },
    { hostPort: 9001, port: 91, protocol: 'udp' },
  ]);
  expect((await call('GET', '/ports?target=db')).body).toEqual([]);
  expect((await call('DELETE', '/ports?target=web&port=8080&port=9000-9001/udp')).status).toBe(200);
  expect((await call('GET', '/ports')).body).toEqual([]);
});

test('a port tells who may use it', async () => {
  const { call, controller } = testApi();
  await controller.createNetwork({ name: 'lab' });
  await controller.createSandbox({ name: 'web' });
  await controller.connect({ network: 'lab', target: 'web' });
  const ports = ['target=80,published=8080,from=10.0.0.0/8', '8081:80'];
  expect((await call('POST', '/ports', { target: 'web', ports })).body).toMatchObject({
    ports: [{ hostPort: 8080, from: ['10.0.0.0/8'] }, { hostPort: 8081 }],
  });
  const { body } = await call('GET', '/ports');
  expect(body).toMatchObject([{ hostPort: 8080, from: ['10.0.0.0/8'] }, { hostPort: 8081 }]);
});

test('a port to take back that is none is refused', async () => {
  const { call } = testApi();
  expect(await call('DELETE', '/ports?target=web&port=http')).toMatchObject({
    status: 400,
    body: { message: 'unpublish http: "http" is not a port (1 to 65535)' },
  });
  expect(await call('DELETE', '/ports?target=web')).toMatchObject({
    status: 400,
    body: { message: 'querystring: field port is missing' },
  });
});
