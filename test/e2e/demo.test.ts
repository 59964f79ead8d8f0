// `npm run demo` works as root and as an ordinary user.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const execute = promisify(execFile);
const demo = new URL('../../scripts/demo.sh', import.meta.url).pathname;

test('the demo checks every step as root', async () => {
  const { stdout } = await execute('bash', [demo]);
  expect(stdout).toMatch(/nothing is left\.\n$/);
});

test('the demo checks every step as an ordinary user', async ({ skip }) => {
  const asNobody = ['--reuid=65534', '--regid=65534', '--clear-groups', '--'];
  const allowed = await execute('setpriv', [
    ...asNobody,
    'unshare',
    '--user',
    '--map-root-user',
    '--net',
    'true',
  ]).then(
    () => true,
    () => false,
  );
  skip(!allowed, 'this kernel gives ordinary users no namespaces');
  const { stdout } = await execute('setpriv', [...asNobody, 'bash', demo]);
  expect(stdout).toMatch(/nothing is left\.\n$/);
});
