// The thread that answers for names: it goes on while the event loop does not, ends with its environment, and keeps neither alive.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { ListenerLimits, ListenerRole } from '../../../src/kernel/name-server.ts';
import { closeFd } from '../../../src/kernel/sockets.ts';
import { requireOwnNetwork } from '../../support/own-network.ts';
import { questionBytes } from '../../unit/dns/messages.ts';
import {
  Asker,
  askOnce,
  freshAddress,
  listenAt,
  openSockets,
  roomy,
  sandbox1,
  startServer,
  tell,
} from './name-server-lab.ts';
import { until } from './until.ts';

beforeAll(requireOwnNetwork);

const addon = fileURLToPath(new URL('../../../build/Release/fairlead.node', import.meta.url));

/** Threads of this process by that name. */
function threads(): number {
  const names = readdirSync('/proc/self/task').map((id) =>
    readFileSync(`/proc/self/task/${id}/comm`, 'utf8'),
  );
  return names.filter((name) => name === 'netd names\n').length;
}

test('the thread comes with the first listener and goes with the server', async () => {
  const before = threads();
  const server = startServer();
  tell(server, { name: 'web', address: '10.0.0.2' });
  expect(threads()).toBe(before);
  await listenAt(server);
  await listenAt(server);
  await until(() => threads() === before + 1);
  server.stop();
  server.stop();
  expect(threads()).toBe(before);
});

test('a stopped server has closed its sockets, and takes no others', async () => {
  const server = startServer();
  const { address } = await listenAt(server);
  server.stop();
  const sockets = await openSockets(address);
  expect(() => server.listen(sockets, sandbox1, roomy)).toThrow(/stopped/);
  const again = await openSockets(address);
  const other = startServer();
  other.listen(again, sandbox1, roomy);
  const question = questionBytes('web');
  expect((await askOnce(address, question)).readUInt16BE(0)).toBe(0x1234);
});

test('a closed listener leaves its address to the next one at once', async () => {
  const server = startServer();
  const { address, listener } = await listenAt(server);
  for (let i = 0, last = listener; i < 20; i++) {
    await askOnce(address, questionBytes('web'));
    server.close(last);
    last = (await listenAt(server, { at: address })).listener;
  }
});

test.each<[ListenerRole, Partial<ListenerLimits>]>([
  [{ sandbox: 0, unknownIsElsewhere: false }, {}],
  [{ sandbox: 1.5, unknownIsElsewhere: false }, {}],
  [{ network: -1 }, {}],
  [{ network: 1 }, { datagramBytes: 511 }],
  [{ network: 1 }, { connectionsMax: 0 }],
  [{ network: 1 }, { idleMs: Number.NaN }],
])('a listener for %o with %o is refused, its sockets closed', async (role, limits) => {
  const server = startServer();
  const address = freshAddress();
  const sockets = await openSockets(address);
  expect(() => server.listen(sockets, role, { ...roomy, ...limits })).toThrow(/cannot be/);
  server.listen(await openSockets(address), sandbox1, roomy);
});

test('sockets that are none are refused', () => {
  const server = startServer();
  expect(() => server.listen({ udp: 1_000_000, tcp: 1_000_001 }, sandbox1, roomy)).toThrow('EBADF');
});

test('a socket that was asked already may be refused with the other one', async () => {
  const server = startServer();
  const { address: elsewhere } = await listenAt(server);
  const address = freshAddress();
  const asker = await Asker.of(address);
  for (let i = 0; i < 500; i++) {
    const { udp, tcp } = await openSockets(address);
    closeFd(tcp);
    asker.socket.send(questionBytes('web'));
    // No file that can be waited for.
    const file = openSync('/dev/null', 'r');
    expect(() => server.listen({ udp, tcp: file }, sandbox1, roomy)).toThrow('EPERM');
  }
  await askOnce(elsewhere, questionBytes('web'));
});

describe('while the event loop does nothing but run', () => {
  test.each(['udp', 'tcp'] as const)('questions over %s are answered', async (transport) => {
    const server = startServer();
    const { address } = await listenAt(server);
    tell(server, { name: 'web', address: '10.0.0.2' });
    const asker = spawn(process.execPath, ['-e', askerScript, address, transport], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    onTestFinished(() => void asker.kill());
    let printed = '';
    asker.stdout.on('data', (chunk) => {
      printed += chunk;
    });
    await until(() => printed === 'ready\n');
    asker.stdin.write('go\n');
    spinWhile(() => isRunning(asker.pid ?? 0));
    await until(() => printed === 'ready\nanswered 1000\n');
  });
});

const askerScript = `
  const [address, transport] = process.argv.slice(1);
  const question = Buffer.from('${questionBytes('web').toString('hex')}', 'hex');
  const length = Buffer.from([0, question.length]);
  let ask, answered = 0;
  const next = () => (answered++ < 1000 ? ask() : end());
  const end = () => process.stdout.write('answered ' + (answered - 1) + '\\n', () => process.exit(0));
  const start = () => process.stdout.write('ready\\n', () => process.stdin.once('data', next));
  if (transport === 'udp') {
    const socket = require('node:dgram').createSocket('udp4').on('message', next);
    ask = () => socket.send(question);
    socket.connect(53, address, start);
  } else {
    const socket = require('node:net').connect(53, address, start).on('data', next);
    ask = () => socket.write(Buffer.concat([length, question]));
  }
`;

/** A process that has ended waits for its parent as a zombie. */
function isRunning(pid: number): boolean {
  return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
}

/** Does not let the event loop run; bounded. */
function spinWhile(condition: () => boolean): void {
  const deadline = Date.now() + 20_000;
  while (condition() && Date.now() < deadline);
}

describe('another process', () => {
  /** Servers on addresses that are given, with a question that is left. */
  const prelude = (address: string) => `
    const native = require(${JSON.stringify(addon)});
    const { openSync } = require('node:fs');
    const host = openSync('/proc/self/ns/net');
    const start = async (onLeft) => {
      const [udp, tcp] = await native.openServers(host, '${address}', 53);
      const server = native.startNameServer(onLeft);
      server.listen(udp, tcp, 1, 0, false, 4096, 64, 10000);
      return server;
    };
    const ask = () => {
      const socket = require('node:dgram').createSocket('udp4').unref();
      socket.send(Buffer.from('${questionBytes('web').toString('hex')}', 'hex'), 53, '${address}');
    };
  `;

  test('is not kept alive by a server', async () => {
    expect(await outputOf(`${prelude(freshAddress())} start(() => {}).then(() => console.log('done'))`)).toBe(
      'done',
    );
  });

  test('may exit while questions are left', async () => {
    const script = `
      ${prelude(freshAddress())}
      start(() => { console.log('left'); process.exit(0); }).then(ask);
      setInterval(() => {}, 1000);
    `;
    expect(await outputOf(script)).toBe('left');
  });

  test('may end a worker that has one, stopped or not, while it is asked', async () => {
    const addresses = [freshAddress(), freshAddress()];
    const script = `
      const { Worker } = require('node:worker_threads');
      const bodies = ${JSON.stringify(addresses)}.map((address, index) => \`
        const { parentPort } = require('node:worker_threads');
        ${prelude('ADDRESS')}
        start(() => {}).then((server) => {
          for (let i = 0; i < 100; i++) ask();
          if (\${index} === 1) server.stop();
          parentPort.postMessage('ready');
        });
        setInterval(ask, 1);
      \`.replaceAll('ADDRESS', address));
      const ended = bodies.map((body) => new Promise((resolve) => {
        const worker = new Worker(body, { eval: true });
        worker.on('message', () => worker.terminate().then(resolve));
      }));
      Promise.all(ended).then(() => console.log('still working'));
    `;
    expect(await outputOf(script)).toBe('still working');
  });
});

/** What a script prints before its process ends by itself, successfully. */
async function outputOf(script: string): Promise<string> {
  const child = spawn(process.execPath, ['-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 20_000,
  });
  let printed = '';
  child.stdout.on('data', (chunk) => {
    printed += chunk;
  });
  const [code] = await once(child, 'close');
  expect(code).toBe(0);
  return printed.trim();
}
