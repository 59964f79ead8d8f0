import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { listeningApi, testApi } from '../../../support/test-api.ts';

/** What happened, as the Engine tells it. Times of events run ahead of the clock when many happen at once. */
async function told(filters: object) {
  const { controller, server } = testApi();
  await controller.createNetwork({ name: 'lab', labels: { stage: 'test', type: 'x' } });
  await controller.createSandbox({ name: 'web', labels: { team: 'net' } });
  await controller.connect({ network: 'lab', target: 'web' });
  await controller.disconnect('lab', 'web', { force: false });
  await controller.deleteSandbox('web', { force: false });
  await controller.deleteNetwork('lab', { force: false });
  const until = Date.now() / 1000 + 0.05;
  const url = `/events?since=0&until=${until.toFixed(3)}&filters=${encodeURIComponent(JSON.stringify(filters))}`;
  const { body } = await server.inject(url);
  const lines = body.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line));
}

const all = [
  'network create',
  'container create',
  'network connect',
  'network disconnect',
  'container destroy',
  'network destroy',
];

describe('events', () => {
  test.each([
    [{}, all],
    [{ type: ['container'] }, ['container create', 'container destroy']],
    [{ event: ['create', 'connect'] }, ['network create', 'container create', 'network connect']],
    [{ network: ['lab'] }, all.filter((one) => one.startsWith('network'))],
    [{ container: ['web'] }, all.slice(1, 5)],
    [{ label: ['name=web', 'name'] }, ['container create', 'container destroy']],
    [{ label: ['name=web', 'colour'] }, []],
    [{ label: ['team=net'] }, ['container create', 'container destroy']],
    [{ label: ['team=sales'] }, []],
    [{ label: ['stage'] }, all.filter((one) => one.startsWith('network'))],
    [{ scope: ['swarm'] }, []],
  ])('with filters %j are %j', async (filters, wanted) => {
    const events = await told(filters);
    expect(events.map(({ Type, Action }) => `${Type} ${Action}`)).toEqual(wanted);
  });

  test('have the shape of the Engine', async () => {
    const [event] = await told({ event: ['connect'] });
    expect(event).toEqual({
      Type: 'network',
      Action: 'connect',
      Actor: {
        ID: expect.stringMatching(/^[0-9a-f]{64}$/),
        Attributes: {
          name: 'lab',
          stage: 'test',
          type: 'bridge',
          container: expect.stringMatching(/^[0-9a-f]{64}$/),
          sandboxName: 'web',
        },
      },
      scope: 'local',
      time: Math.floor(event.timeNano / 1e9),
      timeNano: expect.any(Number),
    });
  });

  test('are announced before the first happens', async () => {
    const { socket } = await listeningApi();
    const status = await new Promise((resolve, reject) => {
      const asked = request({ socketPath: socket, path: '/events' }, (answer) => {
        resolve(answer.statusCode);
        asked.destroy();
      });
      asked.on('error', reject);
      asked.end();
    });
    expect(status).toBe(200);
  });

  test('go on until the server closes', async () => {
    const { controller, server } = testApi();
    const answer = await server.inject({ url: '/v1.51/events', payloadAsStream: true });
    await controller.createNetwork({ name: 'lab' });
    const [heard] = await Promise.all([text(answer.stream()), server.close()]);
    expect(JSON.parse(heard)).toMatchObject({ Type: 'network', Action: 'create' });
  });

  test.each([
    ['since=soon', 'since: soon is no time such as 1700000000, 2026-01-31 or 24h'],
    ['until=soon', 'until: soon is no time such as 1700000000, 2026-01-31 or 24h'],
    [
      `filters=${encodeURIComponent('{"colour":["red"]}')}`,
      'unknown filter colour; known are container, event, label, network, scope, type',
    ],
  ])('with %s are refused', async (query, message) => {
    const answer = await testApi().server.inject(`/events?${query}`);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toEqual({ message });
  });
});
