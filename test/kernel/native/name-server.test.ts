// The thread that answers for names, on sockets of the kernel's loopback.
import { beforeAll, describe, expect, test } from 'vitest';
import { requireOwnNetwork } from '../../support/own-network.ts';
import { questionBytes } from '../../unit/dns/messages.ts';
import { askOnce, asReply, Connection, listenAt, startServer } from './name-server-lab.ts';
import { until } from './until.ts';

beforeAll(requireOwnNetwork);

describe('what is left to the event loop', () => {
  test('is answered over UDP by who asked', async () => {
    const { address } = await listenAt(startServer());
    const question = questionBytes('web', { id: 7 });
    expect(await askOnce(address, question)).toEqual(asReply(question));
  });

  test('is answered over TCP, any number of questions on a connection', async () => {
    const { address } = await listenAt(startServer());
    const connection = await Connection.to(address);
    const questions = Array.from({ length: 500 }, (_, id) => questionBytes('web', { id }));
    connection.ask(...questions);
    await until(() => connection.replies.length === 500);
    expect(connection.replies).toEqual(questions.map(asReply));
  });
});
