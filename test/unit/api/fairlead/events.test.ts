import { describe, expect, test } from 'vitest';
import { Client } from '../../../../src/client/client.ts';
import { listeningApi, testApi } from '../../../support/test-api.ts';

describe('the event stream', () => {
  test('begins with kept events and goes on with new ones', async () => {
    const { controller, socket } = await listeningApi();
    await controller.createNetwork({ name: 'old' });
    const events = new Client(socket).events({ since: 0, filters: ['event=create'] });
    expect((await events.next()).value).toMatchObject({ type: 'network', attributes: { name: 'old' } });
    await controller.deleteNetwork('old', { force: false });
    await controller.createSandbox({ name: 'web' });
    expect((await events.next()).value).toMatchObject({ type: 'sandbox', attributes: { name: 'web' } });
    await events.return(undefined);
  });

  test('ends when the server closes', async () => {
    const { controller, socket, server } = await listeningApi();
    await controller.createNetwork({ name: 'lab' });
    const events = new Client(socket).events({ since: 0, filters: [] });
    await events.next();
    const [rest] = await Promise.all([events.next(), server.close()]);
    expect(rest.done).toBe(true);
  });

  test('resumes after the event a client heard last', async () => {
    const { controller, server } = testApi();
    const times: number[] = [];
    controller.events.subscribe((event) => times.push(event.time));
    for (const name of ['a', 'b', 'c']) await controller.createNetwork({ name });
    const answer = server.inject({
      method: 'GET',
      url: '/fairlead/v1/events',
      headers: { 'last-event-id': String(times[1]) },
      payloadAsStream: true,
    });
    const stream = (await answer).stream();
    let heard = '';
    for await (const chunk of stream) {
      heard += String(chunk);
      if (heard.includes('data:')) break;
    }
    expect(heard).toContain(`id: ${times[2]}\nevent: network\ndata: {`);
    expect(heard).not.toContain(`id: ${times[1]}`);
  });

  test.each([
    ['since=yesterday', 'since: "yesterday" must match pattern'],
    ['filter=colour=red', 'unknown filter colour; known are event, network, sandbox, type'],
    ['until=5', 'querystring: unknown field until; known are filter, since'],
  ])('?%s is refused', async (query, message) => {
    const { call } = testApi();
    expect(await call('GET', `/events?${query}`)).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining(message) },
    });
  });
});
