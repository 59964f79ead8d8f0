// The addon neither keeps a process alive that has nothing to do nor holds up one that ends.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { getLink } from './wire.ts';

const addon = fileURLToPath(new URL('../../../build/Release/fairlead.node', import.meta.url));
const message = Buffer.from(getLink('lo').message).toString('hex');
const prelude = `
  const native = require(${JSON.stringify(addon)});
  const bytes = Buffer.from('${message}', 'hex');
  const run = () => native.runProgram(-1, Uint32Array.of(0, 0, 1, bytes.length), bytes);
  const reap = () => native.runReaper(-1, Uint32Array.of(0, 0, 1, bytes.length), bytes);
`;

/** What a script prints before its process ends by itself, successfully, within ten seconds. */
async function output(script: string): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', prelude + script], {
    timeout: 10_000,
  });
  return stdout.trim();
}

test('a process ends that did nothing but load the addon', async () => {
  expect(await output('console.log("loaded")')).toBe('loaded');
});

test('a pending program keeps the process alive until it is done', async () => {
  expect(await output('run().then((outcome) => console.log(outcome.ends.length))')).toBe('2');
});

test('subscriptions and watches do not keep the process alive', async () => {
  const script = `
    native.openMulticast(-1, 'route', Uint32Array.of(1)).then((fd) => native.poll(fd, () => {}));
    native.poll(native.openProcess(process.ppid), () => {});
    run().then(() => console.log('done'));
  `;
  expect(await output(script)).toBe('done');
});

test('a process may exit with programs in flight', async () => {
  const script = 'for (let i = 0; i < 5000; i++) { run(); reap(); } console.log("bye"); process.exit(0)';
  expect(await output(script)).toBe('bye');
});

test('a worker may be ended with programs, subscriptions and watches in flight', async () => {
  const script = `
    const { Worker } = require('node:worker_threads');
    const body = ${JSON.stringify(prelude)} + \`
      native.openMulticast(-1, 'route', Uint32Array.of(1)).then((fd) => native.poll(fd, () => {}));
      native.poll(native.openProcess(process.ppid), () => {});
      for (let i = 0; i < 5000; i++) { run(); reap(); }
      run().then(() => require('node:worker_threads').parentPort.postMessage('ready'));
      setInterval(() => {}, 1000);
    \`;
    const worker = new Worker(body, { eval: true });
    worker.on('message', async () => {
      await worker.terminate();
      const outcome = await run();
      console.log('still working', outcome.ends.length);
    });
  `;
  expect(await output(script)).toBe('still working 2');
});
