import { expect, test } from 'vitest';
import { type TestApi, testApi } from '../../../support/test-api.ts';

async function command({ server }: TestApi, verb: 'connect' | 'disconnect', ...args: readonly string[]) {
  const answer = await server.inject({
    method: 'POST',
    url: '/fairlead/v1/command',
    payload: { verb, arguments: args },
  });
  return { status: answer.statusCode, exit: answer.headers['fairlead-exit'], text: answer.body };
}

const done = { status: 200, exit: undefined, text: '' };

async function lab() {
  const api = testApi();
  for (const name of ['lab', 'dmz']) await api.controller.createNetwork({ name });
  await api.controller.createSandbox({ name: 'web' });
  return api;
}

test('a connect is carried out as it is written, quietly', async () => {
  const api = await lab();
  const flags =
    '--ip 10.209.3.9 --alias www --mac 02:00:00:00:00:09 --ifname lan0 --gw-priority -5 --link web:me -p 8080:80 -o k=v';
  expect(await command(api, 'connect', ...flags.split(' '), 'lab', 'web')).toEqual(done);
  expect(api.controller.endpoints()).toMatchObject([
    {
      addresses: ['10.209.3.9/24'],
      aliases: ['www'],
      mac: '02:00:00:00:00:09',
      ifname: 'lan0',
      gatewayPriority: -5,
      links: [{ alias: 'me' }],
      ports: [{ hostPort: 8080, port: 80 }],
      options: { k: 'v' },
    },
  ]);
});

test('a connect tells of the endpoint when asked to, as the API does', async () => {
  const api = await lab();
  const { text } = await command(api, 'connect', '--format', 'json', 'dmz', 'web');
  const { body } = await api.call('GET', '/endpoints');
  expect(JSON.parse(text)).toEqual(body);
});

test('a disconnect that has nothing to do is refused, or fine when forced', async () => {
  const api = await lab();
  expect(await command(api, 'connect', 'lab', 'web')).toEqual(done);
  expect(await command(api, 'disconnect', 'lab', 'web')).toEqual(done);
  expect(await command(api, 'disconnect', 'lab', 'web')).toMatchObject({
    exit: '1',
    text: 'sandbox web is not on network lab',
  });
  expect(await command(api, 'disconnect', '-f', 'lab', 'web')).toEqual(done);
});

test.each([
  ['connect', ['--gw-priority', 'x', 'lab', 'web'], '--gw-priority x: a whole number is expected'],
  ['connect', ['--format', 'yaml', 'lab', 'web'], '--format yaml: the formats are table and json'],
  ['connect', ['lab'], 'TARGET is missing'],
  ['disconnect', ['--nonsense', 'lab', 'web'], '--nonsense'],
] as const)('%s %j is wrong usage', async (verb, args, message) => {
  const answer = await command(await lab(), verb, ...args);
  expect(answer).toMatchObject({ status: 400, exit: '2' });
  expect(answer.text).toContain(message);
  expect(answer.text).toContain(`see 'net ${verb} --help'`);
});

test('a value that means nothing is refused', async () => {
  const answer = await command(await lab(), 'connect', '--ip', '10.0.0', 'lab', 'web');
  expect(answer).toMatchObject({ status: 400, exit: '1' });
  expect(answer.text).toContain('10.0.0');
});

test('help is an answer like any other', async () => {
  const { status, text } = await command(await lab(), 'connect', '--help');
  expect(status).toBe(200);
  expect(text).toContain('net connect [options] NETWORK TARGET');
});

test('a target that is a path reaches the daemon unharmed', async () => {
  const api = await lab();
  expect(await command(api, 'connect', 'lab', 'netns:/run/netns/a b')).toEqual(done);
});
