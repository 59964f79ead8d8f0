// A firewalld whose rules are in force, and a system bus on which nobody answers.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { FirewalldGate, type FirewalldGateOptions } from '../../../src/firewall/firewalld/firewalld-gate.ts';
import { run } from '../../support/own-network.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { takeTable } from './own-table.ts';

let table: AsyncDisposable;
let directory: string;
let server: Server;
const asked: Socket[] = [];
const told: string[] = [];

beforeAll(async () => {
  table = await takeTable();
  run('nft add table inet firewalld');
}, 130_000);
afterAll(async () => {
  run('nft delete table inet firewalld');
  await table?.[Symbol.asyncDispose]();
});

beforeEach(async () => {
  asked.length = 0;
  told.length = 0;
  directory = mkdtempSync(join(tmpdir(), 'bus-'));
  server = createServer((socket) => void asked.push(socket.on('error', () => {}).resume()));
  await new Promise<void>((resolve) => server.listen(join(directory, 'bus'), resolve));
});
afterEach(async () => {
  for (const socket of asked) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true });
});

function gateTo(options: FirewalldGateOptions): FirewalldGate {
  const tellers = { warn: (error: Error) => void told.push(error.message), inform: () => {} };
  return new FirewalldGate(tellers, { path: join(directory, 'bus'), ...options });
}

/** Longer than any test waits. */
const never = 600_000;

test('holds up a network, a check and the end of the daemon no longer than it may', async () => {
  const gate = gateTo({ patienceMs: never, holdUpMs: 20 });
  await gate.bringAbout(['fl-one']);
  await waitUntil('it is asked', () => asked.length === 1);
  await gate.follow(['fl-one', 'other']);
  expect(await gate.inspect(['fl-one'])).toEqual([
    { object: 'firewalld zone fairlead', problem: 'cannot be seen: firewalld does not answer' },
  ]);
  await gate.close();
  await waitUntil('the connection is ended', () => asked.every((socket) => socket.destroyed));
  expect({ asked: asked.length, told }).toEqual({ asked: 1, told: [] });
});

test('is asked again until it answers, and told of once', async () => {
  const gate = gateTo({ patienceMs: 20, holdUpMs: never });
  await gate.bringAbout(['fl-one']);
  await waitUntil('it is asked again', () => asked.length > 2);
  await gate.close();
  expect(told).toEqual([expect.stringContaining('did not answer within 20 ms')]);
});
